namespace OnnxStream.Interop.Tests.Operators;

[NativeMemoryLeakCheck]
public class ClipTests
{
    [Test]
    public void BoundsAsAttributes([Values] bool low, [Values] bool high)
    {
        OperatorTester tester = new OperatorTester("Clip", 6).Input(TestTensors.Floats(1, 3, 5, 7));
        _ = low ? tester.Attribute("min", -0.5f) : tester;
        _ = high ? tester.Attribute("max", 1f) : tester;
        tester.Check();
    }

    [Test]
    public void BoundsAsInputs([Values] bool low, [Values] bool high, [Values] bool constant, [Values(ElementType.Float32, ElementType.Float64, ElementType.Int64, ElementType.Int32, ElementType.Int8, ElementType.Float16)] ElementType type) =>
        new OperatorTester("Clip", 13)
            .Input(TestTensors.Random(type, 1, -20, 20, 3, 5, 7))
            .Input(low ? TestTensors.FromDoubles(type, [-5]) : null, constant).Input(high ? TestTensors.FromDoubles(type, [7]) : null, constant).Output(type).Check();

    [TestCase(2, 1)]
    [TestCase(1, 1)]
    [TestCase(double.NegativeInfinity, 0)]
    public void UnusualBounds(double low, double high) =>
        new OperatorTester("Clip", 13).Input(TestTensors.Floats(1, 3, 5)).Constant(TestTensors.FromDoubles(ElementType.Float32, [low])).Constant(TestTensors.FromDoubles(ElementType.Float32, [high])).Check();

    [Test]
    public void Empty() => new OperatorTester("Clip", 13).Input(TestTensors.Floats(1, 3, 0)).Constant(TestTensors.FromDoubles(ElementType.Float32, [0])).Check();

    [Test]
    public void BoundsMustBeScalarsOfTheType()
    {
        Assert.Throws<InvalidGraphException>(() => new OperatorTester("Clip", 13).Input(TestTensors.Floats(1, 3)).Constant(TestTensors.Floats(1, 3)).Run());
        Assert.Throws<InvalidGraphException>(() => new OperatorTester("Clip", 13).Input(TestTensors.Floats(1, 3)).Constant(TestTensors.Integers(1)).Run());
    }
}
