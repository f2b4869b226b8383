namespace OnnxStream.Interop.Tests.Operators;

[NativeMemoryLeakCheck]
public class TileTests
{
    [TestCase(new long[] { 2, 3 }, new long[] { 3, 2 })]
    [TestCase(new long[] { 2, 3, 4 }, new long[] { 1, 5, 1 })]
    [TestCase(new long[] { 2, 3, 4 }, new long[] { 2, 1, 3 })]
    [TestCase(new long[] { 4 }, new long[] { 1 })]
    [TestCase(new long[] { 2, 3 }, new long[] { 0, 2 })]
    [TestCase(new long[] { 0, 3 }, new long[] { 2, 2 })]
    [TestCase(new long[] { 100, 7 }, new long[] { 3, 40 })]
    public void Shapes(long[] shape, long[] repeats) =>
        new OperatorTester("Tile", 13).Input(TestTensors.Floats(1, shape)).Constant(TestTensors.Integers(repeats)).Check();

    [Test]
    public void Types([Values(ElementType.Float64, ElementType.Int64, ElementType.UInt8, ElementType.Bool)] ElementType type) =>
        new OperatorTester("Tile", 6).Input(TestTensors.Random(type, 1, 0, 9, 3, 5)).Input(TestTensors.Integers(2, 3)).Output(type).Check();

    [Test]
    public void RefusesWrongNodes()
    {
        new OperatorTester("Tile", 13).Input(TestTensors.Floats(1, 3, 2)).Constant(TestTensors.Integers(2)).Fails<InvalidGraphException>();
        new OperatorTester("Tile", 13).Input(TestTensors.Floats(1, 3)).Constant(TestTensors.Integers(-1)).Fails<InvalidGraphException>();
        new OperatorTester("Tile", 13).Input(TestTensors.Floats(1, 3)).Constant(TestTensors.Integers(long.MaxValue)).Fails<InvalidGraphException>();
    }
}
