using CsCheck;

namespace OnnxStream.Interop.Tests.Rewrites;

[NativeMemoryLeakCheck]
public class FuseGroupNormalizationTests
{
    private const string Fused = "1 onnxstream.GroupNormalization";
    private const string FusedImage = "2 Transpose, 1 onnxstream.GroupNormalization";

    private sealed record Pattern
    {
        public long[] Shape { get; init; } = [2, 12, 5, 7];

        public long Groups { get; init; } = 3;

        public bool ScaleFirst { get; init; }

        public bool BiasFirst { get; init; }

        public bool Silu { get; init; }

        public bool SigmoidFirst { get; init; }

        public float Epsilon { get; init; } = 1e-5f;

        public float One { get; init; } = 1;

        public float Zero { get; init; }

        public bool ConstantScale { get; init; } = true;

        public bool ConstantBias { get; init; } = true;

        public long[]? ScaleShape { get; init; }

        public long[]? Grouped { get; init; }

        public double Tolerance { get; init; } = 1e-4;

        public PassTester Build()
        {
            long[] parameters = ScaleShape ?? [Shape[1], .. Enumerable.Repeat(1L, Shape.Length - 2)];
            long[] grouped = Grouped ?? [Shape[0], Groups, -1];
            return new PassTester { Tolerance = Tolerance }.Input("x", TestTensors.Floats(1, Shape)).Integers("grouped", grouped).Integers("back", Shape)
                .Constant("ones", TestTensors.Random(ElementType.Float32, 1, One, One, grouped[1])).Constant("zeros", TestTensors.Random(ElementType.Float32, 1, Zero, Zero, grouped[1]))
                .Input("scale", TestTensors.Floats(2, parameters), ConstantScale).Input("bias", TestTensors.Floats(3, parameters), ConstantBias)
                .Node("Reshape", "x grouped", "g").Node("InstanceNormalization", "g ones zeros", "i", ("epsilon", Epsilon)).Node("Reshape", "i back", "n")
                .Node("Mul", ScaleFirst ? "scale n" : "n scale", "s").Node("Add", BiasFirst ? "bias s" : "s bias", Silu ? "b" : "y")
                .With(tester => Silu ? tester.Node("Sigmoid", "b", "sigmoid").Node("Mul", SigmoidFirst ? "sigmoid b" : "b sigmoid", "y") : tester).Output("y");
        }
    }

    [Test]
    public void Spellings([Values] bool scaleFirst, [Values] bool biasFirst, [Values] bool silu, [Values] bool sigmoidFirst) =>
        new Pattern { ScaleFirst = scaleFirst, BiasFirst = biasFirst, Silu = silu, SigmoidFirst = sigmoidFirst }.Build().Becomes(FusedImage).Check();

    [TestCase(2, 12, 35)]
    [TestCase(2, 12, 3, 4, 5)]
    [TestCase(1, 12, 1)]
    public void OtherRanks(params long[] shape) => new Pattern { Shape = shape, Silu = true }.Build().Becomes(Fused).Check();

    [Test]
    public void ScaleOfFullRank() => new Pattern { ScaleShape = [1, 12, 1, 1] }.Build().Becomes(FusedImage).Check();

    [TestCase(1)]
    [TestCase(4)]
    [TestCase(12)]
    public void Groups(long groups) => new Pattern { Groups = groups }.Build().Becomes(FusedImage).Check();

    [Test]
    public void Epsilon() => new Pattern { Epsilon = 0.5f }.Build().Becomes(FusedImage).Check();

    [Test]
    public void OnlySigmoidIsRead() => new Pattern { Silu = true }.Build().Node("Sin", "sigmoid", "z").Output("z").Becomes("1 Mul, 1 Sigmoid, 1 Sin, 3 Transpose, 1 onnxstream.GroupNormalization");

    [Test]
    public void SumIsAnOutput() => new Pattern { Silu = true }.Build().Output("b").Has(1, "onnxstream.GroupNormalization").Check();

    [Test]
    public void SumIsReadElsewhere() => new Pattern { Silu = true }.Build().Node("Sin", "b", "z").Output("z").Has(1, "onnxstream.GroupNormalization").Check();

    [Test]
    public void NotOnes() => new Pattern { One = 2 }.Build().Has(0, "onnxstream.GroupNormalization").Check();

    [Test]
    public void NotZeros() => new Pattern { Zero = 1 }.Build().Has(0, "onnxstream.GroupNormalization").Check();

    [Test]
    public void ScaleIsComputed() => new Pattern { ConstantScale = false }.Build().Has(0, "onnxstream.GroupNormalization").Check();

    [Test]
    public void BiasIsComputed() => new Pattern { ConstantBias = false }.Build().Has(0, "onnxstream.GroupNormalization").Check();

    [TestCase(1)]
    [TestCase(12)]
    [TestCase(12, 1)]
    [TestCase(1, 12)]
    [TestCase(1, 1, 12)]
    [TestCase(2, 12, 1, 1)]
    [TestCase(12, 12, 1)]
    [TestCase(1, 1, 12, 1, 1)]
    public void ScaleOfAnotherShape(params long[] shape) => new Pattern { Shape = [2, 12, 12, 12], ScaleShape = shape }.Build().Has(0, "onnxstream.GroupNormalization").Check();

    // Groups of the batch, or groups that cut through channels.
    [TestCase(1, 6, -1)]
    [TestCase(4, 3, -1)]
    [TestCase(2, 24, -1)]
    [TestCase(2, 5, -1)]
    public void OtherGrouping(params long[] grouped) => new Pattern { Shape = [2, 12, 5, 2], Grouped = grouped }.Build().Has(0, "onnxstream.GroupNormalization").Check();

    [Test]
    public void FourDimensionsInside() => new Pattern { Grouped = [2, 3, 4, 35] }.Build().Has(0, "onnxstream.GroupNormalization").Check();

    [TestCase("g")]
    [TestCase("i")]
    [TestCase("n")]
    [TestCase("s")]
    public void IntermediateIsAnOutput(string name) => new Pattern { Silu = true }.Build().Output(name).Has(0, "onnxstream.GroupNormalization").Check();

    [TestCase("g")]
    [TestCase("i")]
    [TestCase("n")]
    [TestCase("s")]
    public void IntermediateIsReadElsewhere(string name) => new Pattern().Build().Node("Sin", name, "z").Output("z").Has(0, "onnxstream.GroupNormalization").Check();

    [Test]
    public void RandomShapes() =>
        Gen.Select(Gen.Long[1, 3], Gen.Long[1, 5], Gen.Long[1, 6], Gen.Long[1, 13], Gen.Long[1, 13], Gen.Bool, Gen.Bool).Sample(
            (batch, groups, perGroup, height, width, silu, isImage) =>
            {
                // A group of one element has no deviation; what is left is noise. Groups of one channel of three dimensions are an
                // InstanceNormalization without Reshapes.
                if (perGroup * height * width > 1 && (isImage || perGroup > 1))
                {
                    new Pattern
                    {
                        Shape = isImage ? [batch, groups * perGroup, height, width] : [batch, groups * perGroup, height * width],
                        Groups = groups,
                        Silu = silu,
                        Epsilon = 1e-3f,
                        Tolerance = 1e-3,
                    }.Build().Has(1, "onnxstream.GroupNormalization").Check();
                }
            },
            iter: 40, threads: 1);
}
