namespace OnnxStream.Interop.Tests.Operators;

[NativeMemoryLeakCheck]
public class PadOfInputTests
{
    [Test]
    public void Modes([Values("constant", "edge", "reflect", null)] string? mode, [Values] bool isRow, [Values] bool hasValue)
    {
        double[] pads = [1, 2, 0, 1];
        OperatorTester tester = new OperatorTester("Pad", 17, "com.microsoft").Input(TestTensors.Floats(1, 3, 4)).Input(isRow ? TestTensors.FromDoubles(ElementType.Int64, pads, 1, 4) : TestTensors.FromDoubles(ElementType.Int64, pads, 4));
        _ = hasValue ? tester.Input(TestTensors.FromDoubles(ElementType.Float32, [7], 1)) : tester;
        _ = mode is null ? tester : tester.Attribute("mode", mode);
        tester.Check();
    }

    [Test]
    public void WrongPads() => new OperatorTester("Pad", 17, "com.microsoft").Input(TestTensors.Floats(1, 3, 4)).Input(TestTensors.Integers(1, 2, 3)).Fails<InvalidGraphException>();
}
