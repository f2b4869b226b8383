namespace OnnxStream.Interop.Tests.Rewrites;

[NativeMemoryLeakCheck]
public class EliminateIdentityTests
{
    private static readonly TensorBuffer s_data = TestTensors.Floats(1, 2, 3, 4);

    private static PassTester Start() => new PassTester().Input("x", s_data).Node("Sin", "x", "a");

    private static PassTester End(PassTester tester) => tester.Node("Cos", "b", "y").Output("y");

    [Test]
    public void Identity() => End(Start().Node("Identity", "a", "b")).Becomes("1 Cos, 1 Sin").Check();

    [Test]
    public void Chain() => End(Start().Node("Identity", "a", "c").Node("Identity", "c", "d").Node("Identity", "d", "b")).Becomes("1 Cos, 1 Sin").Check();

    [Test]
    public void CastToTheSameType() => End(Start().Node("Cast", "a", "b", ("to", (int)ElementType.Float32))).Becomes("1 Cos, 1 Sin").Check();

    [Test]
    public void CastToAnotherType() => Start().Node("Cast", "a", "b", ("to", (int)ElementType.Int32)).Node("Add", "b b", "y").Output("y", ElementType.Int32).Becomes("1 Add, 1 Cast, 1 Sin").Check();

    [Test]
    public void ReshapeToTheSameShape() => End(Start().Integers("shape", 2, -1, 4).Node("Reshape", "a shape", "b")).Becomes("1 Cos, 1 Sin").Check();

    [Test]
    public void ReshapeToAnotherShape() => End(Start().Integers("shape", 6, 4).Node("Reshape", "a shape", "b")).Becomes("1 Cos, 1 Reshape, 1 Sin").Check();

    [Test]
    public void TransposeThatChangesNothing() => End(Start().Node("Transpose", "a", "b", ("perm", new[] { 0, 1, 2 }))).Becomes("1 Cos, 1 Sin").Check();

    // The shapes agree, the elements do not.
    [Test]
    public void TransposeOfASquare() =>
        new PassTester().Input("x", TestTensors.Floats(1, 3, 3)).Node("Sin", "x", "a").Node("Transpose", "a", "b", ("perm", new[] { 1, 0 })).With(End).Becomes("1 Cos, 1 Sin, 1 Transpose").Check();

    [Test]
    public void TransposeWithoutPermutation() =>
        new PassTester().Input("x", TestTensors.Floats(1, 3, 3)).Node("Sin", "x", "a").Node("Transpose", "a", "b").With(End).Has(1, "Transpose").Check();

    [Test]
    public void FlattenOfAMatrix() =>
        new PassTester().Input("x", TestTensors.Floats(1, 3, 5)).Node("Sin", "x", "a").Node("Flatten", "a", "b").With(End).Becomes("1 Cos, 1 Sin").Check();

    [Test]
    public void SqueezeOfNothing() => End(Start().Node("Squeeze", "a", "b")).Becomes("1 Cos, 1 Sin").Check();

    [Test]
    public void PadOfNothing() => End(Start().Integers("pads", 0, 0, 0, 0, 0, 0).Node("Pad", "a pads", "b")).Becomes("1 Cos, 1 Sin").Check();

    [Test]
    public void PadOfNothingByAttribute() =>
        new PassTester(10).Input("x", s_data).Node("Sin", "x", "a").Node("Pad", "a", "b", ("pads", new[] { 0, 0, 0, 0, 0, 0 })).With(End).Becomes("1 Cos, 1 Sin").Check();

    // The shape stays, the elements move.
    [Test]
    public void PadThatShifts() => End(Start().Integers("pads", 0, 0, 1, 0, 0, -1).Node("Pad", "a pads", "b")).Becomes("1 Cos, 1 Pad, 1 Sin").Check();

    [TestCase("Mul")]
    [TestCase("Div")]
    public void FactorOne(string operatorType) => End(Start().Scalar("one", 1).Node(operatorType, "a one", "b")).Becomes("1 Cos, 1 Sin").Check();

    [Test]
    public void FactorOneOnTheLeft() => End(Start().Scalar("one", 1).Node("Mul", "one a", "b")).Becomes("1 Cos, 1 Sin").Check();

    [Test]
    public void OneDividedByX() => End(Start().Scalar("one", 1).Node("Div", "one a", "b")).Has(1, "Div").Check();

    [Test]
    public void FactorNearlyOne() => End(Start().Scalar("one", 1.00001f).Node("Mul", "a one", "b")).Has(1, "Mul").Check();

    [Test]
    public void FactorOneThatAddsADimension() => End(Start().Constant("one", TensorBuffer.Create<float>([1], 1, 1, 1, 1)).Node("Mul", "a one", "b")).Has(1, "Mul").Check();

    [Test]
    public void MakesAnOutput() => Start().Node("Identity", "a", "y").Output("y").Becomes("1 Identity, 1 Sin").Check();

    [Test]
    public void MakesAnOutputThatIsReadToo() => End(Start().Node("Identity", "a", "b")).Output("b").Becomes("1 Cos, 1 Identity, 1 Sin").Check();

    [Test]
    public void ReadsAnOutput() => End(Start().Node("Identity", "a", "b")).Output("a").Becomes("1 Cos, 1 Sin").Check();

    [Test]
    public void FromInputToOutput() => new PassTester().Input("x", s_data).Node("Identity", "x", "y").Output("y").Becomes("1 Identity").Check();

    [Test]
    public void ReadTwiceByOneNode() => Start().Node("Identity", "a", "b").Node("Mul", "b b", "y").Output("y").Becomes("1 Mul, 1 Sin").Check();
}
