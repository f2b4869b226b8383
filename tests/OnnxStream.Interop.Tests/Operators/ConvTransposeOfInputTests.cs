namespace OnnxStream.Interop.Tests.Operators;

[NativeMemoryLeakCheck]
public class ConvTransposeOfInputTests
{
    [Test]
    public void Pads([Values("0,0,0,0", "1,0,1,1", null)] string? pads, [Values] bool hasBias, [Values(1, 2)] int stride)
    {
        OperatorTester tester = new OperatorTester("ConvTransposeWithDynamicPads", 17, "com.microsoft").Input(TestTensors.Floats(1, 1, 3, 5, 4)).Input(TestTensors.Floats(2, 3, 2, 3, 3));
        tester.Input(pads is null ? null : TestTensors.Integers([.. pads.Split(',').Select(long.Parse)]));
        _ = hasBias ? tester.Input(TestTensors.Floats(3, 2)) : tester;
        tester.Attribute("strides", (long[])[stride, stride]);
        if (pads is null)
        {
            // ONNX Runtime reads pads that are not there.
            tester.CheckAgainst(_ => [new OperatorTester("ConvTranspose").Input(TestTensors.Floats(1, 1, 3, 5, 4)).Input(TestTensors.Floats(2, 3, 2, 3, 3)).Input(hasBias ? TestTensors.Floats(3, 2) : null).Attribute("strides", (long[])[stride, stride]).Run()]);
        }
        else
        {
            tester.Check();
        }
    }
}
