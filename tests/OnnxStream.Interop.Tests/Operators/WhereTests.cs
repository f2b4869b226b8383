namespace OnnxStream.Interop.Tests.Operators;

[NativeMemoryLeakCheck]
public class WhereTests
{
    [TestCase(new long[] { 3, 5 }, new long[] { 3, 5 }, new long[] { 3, 5 })]
    [TestCase(new long[] { 3, 1 }, new long[] { 1, 5 }, new long[] { })]
    [TestCase(new long[] { 5 }, new long[] { 2, 1, 1 }, new long[] { 3, 1 })]
    [TestCase(new long[] { }, new long[] { }, new long[] { })]
    [TestCase(new long[] { 0, 3 }, new long[] { 1, 3 }, new long[] { 1 })]
    [TestCase(new long[] { 33, 1000 }, new long[] { 1000 }, new long[] { 33, 1000 })]
    public void Broadcasts(long[] condition, long[] whenTrue, long[] whenFalse) =>
        new OperatorTester("Where", 16).Input(TestTensors.Random(ElementType.Bool, 1, -1, 1, condition)).Input(TestTensors.Floats(2, whenTrue)).Input(TestTensors.Floats(3, whenFalse)).Check();

    [TestCase(ElementType.Int64)]
    [TestCase(ElementType.Int32)]
    [TestCase(ElementType.UInt8)]
    [TestCase(ElementType.Float64)]
    public void Types(ElementType type) =>
        new OperatorTester("Where", 9).Input(TestTensors.Random(ElementType.Bool, 1, -1, 1, 40, 3)).Input(TestTensors.Random(type, 2, 0, 9, 40, 3)).Input(TestTensors.Random(type, 3, 0, 9, 3)).Output(type).Check();

    [Test]
    public void RefusesWrongNodes()
    {
        new OperatorTester("Where", 16).Input(TestTensors.Floats(1, 3)).Input(TestTensors.Floats(1, 3)).Input(TestTensors.Floats(1, 3)).Fails<InvalidGraphException>();
        new OperatorTester("Where", 16).Input(TestTensors.Random(ElementType.Bool, 1, 0, 1, 3)).Input(TestTensors.Floats(1, 3)).Input(TestTensors.Integers(1, 2, 3)).Fails<InvalidGraphException>();
        new OperatorTester("Where", 16).Input(TestTensors.Random(ElementType.Bool, 1, 0, 1, 3)).Input(TestTensors.Floats(1, 2)).Input(TestTensors.Floats(1, 1)).Fails<InvalidGraphException>();
    }
}
