namespace OnnxStream.Interop.Tests.Operators;

[NativeMemoryLeakCheck]
public class ChannelsLastOperatorTests
{
    // Scales that are powers of two: ONNX Runtime's factor, which is single precision, is exact, too.
    [Test]
    public void Convolves([Values(0, 1)] int channelsLast, [Values] bool hasBias)
    {
        OperatorTester tester = new OperatorTester("QLinearConv", 17, "com.microsoft").Input(TestTensors.Bytes(ElementType.UInt8, 1, channelsLast == 0 ? [1, 4, 9, 8] : [1, 9, 8, 4])).Constant(TestTensors.Scalar(ElementType.Float32, 1 / 64.0)).Constant(TestTensors.Scalar(ElementType.UInt8, 120))
            .Constant(TestTensors.ByteWeights(ElementType.Int8, 2, 3, 4, 3, 3)).Constant(TestTensors.Scalar(ElementType.Float32, 1 / 32.0)).Constant(TestTensors.Scalar(ElementType.Int8, 0)).Constant(TestTensors.Scalar(ElementType.Float32, 0.5)).Constant(TestTensors.Scalar(ElementType.UInt8, 110));
        _ = hasBias ? tester.Constant(TensorBuffer.Create<int>([1000, -2000, 500], 3)) : tester;
        tester.Attribute("pads", new[] { 1, 1, 0, 1 }).Attribute("strides", new[] { 2, 1 }).Attribute("channels_last", channelsLast).Output(ElementType.UInt8).Check();
    }

    [Test]
    public void Pools([Values(ElementType.UInt8, ElementType.Int8)] ElementType type) =>
        new OperatorTester("NhwcMaxPool", 17, "com.microsoft").Input(TestTensors.Bytes(type, 1, 2, 9, 8, 5)).Attribute("kernel_shape", new[] { 3, 2 }).Attribute("strides", new[] { 2, 1 }).Attribute("pads", new[] { 1, 0, 1, 1 }).Output(type).Check();

    [Test]
    public void WrongInputs() => new OperatorTester("NhwcMaxPool", 17, "com.microsoft").Input(TestTensors.Bytes(ElementType.UInt8, 1, 2, 9)).Attribute("kernel_shape", new[] { 3, 2 }).Output(ElementType.UInt8).Fails<InvalidGraphException>();
}
