using CsCheck;

namespace OnnxStream.Interop.Tests.Rewrites;

[NativeMemoryLeakCheck]
public class FuseLayerNormalizationTests
{
    private const string Fused = "1 LayerNormalization";

    // The parts of the pattern that a test changes.
    private sealed record Pattern
    {
        public long[] Shape { get; init; } = [2, 5, 19];

        public int OperatorSet { get; init; } = 14;

        public int Axis { get; init; } = -1;

        public int AxisOfSquares { get; init; } = -1;

        public bool SquareByMul { get; init; }

        public float Exponent { get; init; } = 2;

        public float Epsilon { get; init; } = 1e-5f;

        public bool EpsilonFirst { get; init; }

        public bool ScaleFirst { get; init; }

        public bool BiasFirst { get; init; }

        public bool HasBias { get; init; } = true;

        public bool ConstantScale { get; init; } = true;

        public bool ConstantBias { get; init; } = true;

        public long[]? ScaleShape { get; init; }

        public int KeepDimensions { get; init; } = 1;

        public ElementType Type { get; init; } = ElementType.Float32;

        public float Offset { get; init; }

        public PassTester Build()
        {
            long[] parameters = ScaleShape ?? [Shape[^1]];
            TensorBuffer data = TestTensors.Random(Type, 1, Offset - 2, Offset + 2, Shape);
            PassTester tester = new(OperatorSet) { Tolerance = Offset != 0 ? 2e-3 : 1e-5 };
            tester.Input("x", data)
                .Constant("two", TestTensors.Random(Type, 1, Exponent, Exponent)).Constant("epsilon", TestTensors.Random(Type, 1, Epsilon, Epsilon))
                .Input("scale", TestTensors.Random(Type, 2, 0.5, 2, parameters), ConstantScale);
            if (HasBias)
            {
                tester.Input("bias", TestTensors.Random(Type, 3, -1, 1, parameters), ConstantBias);
            }

            Mean(tester, "x", "mean", Axis, 1);
            tester.Node("Sub", "x mean", "d");
            _ = SquareByMul ? tester.Node("Mul", "d d", "squares") : tester.Node("Pow", "d two", "squares");
            Mean(tester, "squares", "variance", AxisOfSquares, KeepDimensions);
            tester.Node("Add", EpsilonFirst ? "epsilon variance" : "variance epsilon", "sum").Node("Sqrt", "sum", "deviation").Node("Div", "d deviation", "n");
            tester.Node("Mul", ScaleFirst ? "scale n" : "n scale", HasBias ? "scaled" : "y");
            if (HasBias)
            {
                tester.Node("Add", BiasFirst ? "bias scaled" : "scaled bias", "y");
            }

            return tester.Output("y", Type);
        }

        private void Mean(PassTester tester, string input, string output, int axis, int keepDimensions)
        {
            if (OperatorSet < 18)
            {
                tester.Node("ReduceMean", input, output, ("axes", new[] { axis }), ("keepdims", keepDimensions));
            }
            else
            {
                tester.Integers("axes_" + output, axis);
                tester.Node("ReduceMean", $"{input} axes_{output}", output, ("keepdims", keepDimensions));
            }
        }
    }

    [Test]
    public void Spellings([Values] bool squareByMul, [Values] bool epsilonFirst, [Values] bool scaleFirst, [Values] bool biasFirst, [Values] bool hasBias) =>
        new Pattern { SquareByMul = squareByMul, EpsilonFirst = epsilonFirst, ScaleFirst = scaleFirst, BiasFirst = biasFirst, HasBias = hasBias }.Build().Becomes(Fused).Check();

    [Test]
    public void PositiveAxis() => new Pattern { Axis = 2, AxisOfSquares = 2 }.Build().Becomes(Fused).Check();

    [Test]
    public void OtherTypes([Values(ElementType.Float64)] ElementType type) => new Pattern { Type = type }.Build().Becomes(Fused).Check();

    [Test]
    public void LargeMean() => new Pattern { Offset = 1000, Shape = [3, 320] }.Build().Becomes(Fused).Check();

    [TestCase(1)]
    [TestCase(-2)]
    public void OtherAxis(int axis) => new Pattern { Axis = axis, AxisOfSquares = axis, Shape = [2, 5, 5] }.Build().Has(0, "LayerNormalization").Check();

    [Test]
    public void AxesThatDiffer() => new Pattern { Axis = -1, AxisOfSquares = -2, Shape = [2, 5, 5] }.Build().Has(0, "LayerNormalization").Check();

    [Test]
    public void DroppedDimension() => new Pattern { KeepDimensions = 0, Shape = [5, 5] }.Build().Has(0, "LayerNormalization").Check();

    [Test]
    public void OtherExponent() => new Pattern { Exponent = 4 }.Build().Has(0, "LayerNormalization").Check();

    [Test]
    public void NoEpsilon() => new Pattern { Epsilon = 0 }.Build().Has(0, "LayerNormalization").Check();

    [Test]
    public void ScaleIsComputed() => new Pattern { ConstantScale = false }.Build().Has(0, "LayerNormalization").Check();

    // The bias stays an Add of its own.
    [Test]
    public void BiasIsComputed() => new Pattern { ConstantBias = false }.Build().Becomes("1 Add, 1 LayerNormalization").Check();

    [TestCase(1)]
    [TestCase(5, 19)]
    [TestCase(1, 1, 1, 19)]
    public void ScaleOfAnotherShape(params long[] shape) => new Pattern { ScaleShape = shape }.Build().Has(0, "LayerNormalization").Check();

    [TestCase("d")]
    [TestCase("mean")]
    [TestCase("squares")]
    [TestCase("variance")]
    [TestCase("sum")]
    [TestCase("deviation")]
    [TestCase("n")]
    public void IntermediateIsAnOutput(string name) => new Pattern().Build().Output(name).Has(0, "LayerNormalization").Check();

    [TestCase("d")]
    [TestCase("mean")]
    [TestCase("squares")]
    [TestCase("variance")]
    [TestCase("sum")]
    [TestCase("deviation")]
    [TestCase("n")]
    public void IntermediateIsReadElsewhere(string name) => new Pattern().Build().Node("Sin", name, "z").Output("z").Has(0, "LayerNormalization").Check();

    [Test]
    public void ScaledIsAnOutput() => new Pattern().Build().Output("scaled").Becomes("1 Add, 1 LayerNormalization").Check();

    [Test]
    public void DividesAnotherDifference() =>
        new PassTester(14).Input("x", TestTensors.Floats(1, 3, 7)).Input("z", TestTensors.Floats(2, 3, 7)).Scalar("epsilon", 1e-5f).Constant("scale", TestTensors.Floats(3, 7))
            .Node("ReduceMean", "x", "mean", ("axes", new[] { -1 })).Node("Sub", "x mean", "d").Node("Sub", "z mean", "e").Node("Mul", "d d", "squares")
            .Node("ReduceMean", "squares", "variance", ("axes", new[] { -1 })).Node("Add", "variance epsilon", "sum").Node("Sqrt", "sum", "deviation")
            .Node("Div", "e deviation", "n").Node("Mul", "n scale", "y").Output("y").Has(0, "LayerNormalization").Check();

    [Test]
    public void RandomShapes() =>
        Gen.Select(Gen.Long[1, 3], Gen.Long[1, 9], Gen.Long[1, 70], Gen.Bool, Gen.Bool, Gen.Int[1, 3]).Sample(
            (batch, rows, channels, squareByMul, hasBias, rank) => new Pattern
            {
                Shape = rank switch { 1 => [channels], 2 => [rows, channels], _ => [batch, rows, channels] },
                SquareByMul = squareByMul,
                HasBias = hasBias,
            }.Build().Becomes(Fused).Check(),
            iter: 40, threads: 1);
}
