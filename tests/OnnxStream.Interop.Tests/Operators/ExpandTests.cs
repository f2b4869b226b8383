namespace OnnxStream.Interop.Tests.Operators;

[NativeMemoryLeakCheck]
public class ExpandTests
{
    [TestCase(new long[] { 3, 1 }, new long[] { 2, 3, 4 })]
    [TestCase(new long[] { 3, 4 }, new long[] { 1 })]
    [TestCase(new long[] { 3, 4 }, new long[] { 2, 1, 1, 1 })]
    [TestCase(new long[] { }, new long[] { 2, 3 })]
    [TestCase(new long[] { 1 }, new long[] { 0, 3 })]
    [TestCase(new long[] { 1, 0 }, new long[] { 3, 1 })]
    [TestCase(new long[] { 2, 1, 3, 1, 2 }, new long[] { 2, 4, 3, 5, 2 })]
    [TestCase(new long[] { 5 }, new long[] { })]
    public void Shapes(long[] shape, long[] target) =>
        new OperatorTester("Expand", 13).Input(TestTensors.Floats(1, shape)).Constant(TestTensors.Integers(target)).Check();

    [TestCase(ElementType.Float16)]
    [TestCase(ElementType.Int64)]
    [TestCase(ElementType.Bool)]
    public void Types(ElementType type) =>
        new OperatorTester("Expand", 8).Input(TestTensors.Random(type, 1, -5, 5, 300, 1)).Input(TestTensors.Integers(1, 70)).Output(type).Check();

    [Test]
    public void RefusesWrongNodes()
    {
        new OperatorTester("Expand", 13).Input(TestTensors.Floats(1, 3)).Constant(TestTensors.Integers(2)).Fails<InvalidGraphException>();
        new OperatorTester("Expand", 13).Input(TestTensors.Floats(1, 3)).Constant(TestTensors.Integers(-1, 3)).Fails<InvalidGraphException>();
        new OperatorTester("Expand", 13).Input(TestTensors.Floats(1, 3)).Constant(TestTensors.Floats(1, 1)).Fails<InvalidGraphException>();
    }
}
