namespace OnnxStream.Interop.Tests.Operators;

[NativeMemoryLeakCheck]
public class UnfoldTensorTests
{
    [Test]
    public void Windows([Values(0, 1, -1, null)] int? axis, [Values(1, 3, 5)] int size, [Values(1, 2, 7, null)] int? step, [Values(ElementType.Float32, ElementType.Int64)] ElementType type)
    {
        OperatorTester tester = new OperatorTester("UnfoldTensor", 17, "com.microsoft").Input(TestTensors.Random(type, 1, -9, 9, 6, 5, 7)).Output(type).Attribute("size", size);
        _ = axis is { } dim ? tester.Attribute("dim", dim) : tester;
        _ = step is { } distance ? tester.Attribute("step", distance) : tester;
        tester.Check();
    }

    [TestCase(0, 1)]
    [TestCase(8, 1)]
    [TestCase(3, 0)]
    public void WrongWindows(int size, int step) => new OperatorTester("UnfoldTensor", 17, "com.microsoft").Input(TestTensors.Floats(1, 7)).Attribute("size", size).Attribute("step", step).Fails<InvalidGraphException>();
}
