namespace OnnxStream.Interop.Tests.Operators;

[NativeMemoryLeakCheck]
public class QuantizedWhereTests
{
    [Test]
    public void AgreesWithOnnxRuntime([Values(ElementType.UInt8, ElementType.Int8)] ElementType type, [Values("2,3,4;2,3,4;2,3,4", "3,1;4;2,1,1", ";5;5", "5;;5")] string shapes, [Values] bool hasScaleOfOutput)
    {
        long[][] dimensions = [.. shapes.Split(';').Select(text => text.Split(',', StringSplitOptions.RemoveEmptyEntries).Select(long.Parse).ToArray())];
        new OperatorTester("QLinearWhere", 17, "com.microsoft").Input(TestTensors.Random(ElementType.Bool, 1, -1, 1, dimensions[0]))
            .Input(TestTensors.Bytes(type, 2, dimensions[1])).Input(TestTensors.Scalar(ElementType.Float32, hasScaleOfOutput ? 0.05 : 0.021)).Input(TestTensors.Scalar(type, hasScaleOfOutput ? 77 : 5))
            .Input(TestTensors.Bytes(type, 3, dimensions[2])).Input(TestTensors.Scalar(ElementType.Float32, 0.033)).Input(TestTensors.Scalar(type, 60))
            .Input(TestTensors.Scalar(ElementType.Float32, 0.05)).Input(TestTensors.Scalar(type, 77)).Output(type).Check();
    }

    [Test]
    public void WrongInputs() =>
        new OperatorTester("QLinearWhere", 17, "com.microsoft").Input(TestTensors.Random(ElementType.Bool, 1, -1, 1, 3))
            .Input(TestTensors.Bytes(ElementType.UInt8, 2, 3)).Input(TestTensors.Scalar(ElementType.Float32, 1)).Input(TestTensors.Scalar(ElementType.UInt8, 1))
            .Input(TestTensors.Bytes(ElementType.UInt8, 3, 3)).Input(TestTensors.Scalar(ElementType.Float32, 1)).Input(TestTensors.Scalar(ElementType.UInt8, 1))
            .Input(TestTensors.Scalar(ElementType.Float32, 1)).Input(TestTensors.Scalar(ElementType.Int8, 1)).Output(ElementType.UInt8).Fails<InvalidGraphException>();
}
