namespace OnnxStream.Interop.Tests.Operators;

[NativeMemoryLeakCheck]
public class QuantizedAveragePoolTests
{
    [Test]
    public void Whole([Values(ElementType.UInt8, ElementType.Int8)] ElementType type, [Values("2,9,7,5", "1,3,40", "2,3,4,5,6", "1,1,3,3")] string shape, [Values(0, 1)] int channelsLast, [Values(0.02, 0.015)] double scale) =>
        new OperatorTester("QLinearGlobalAveragePool", 17, "com.microsoft").Input(TestTensors.Bytes(type, 1, [.. shape.Split(',').Select(long.Parse)])).Input(TestTensors.Scalar(ElementType.Float32, 0.02)).Input(TestTensors.Scalar(type, 101))
            .Input(TestTensors.Scalar(ElementType.Float32, scale)).Input(TestTensors.Scalar(type, 7)).Attribute("channels_last", channelsLast).Output(type).Check();

    // Scales that are powers of two: ONNX Runtime's sums in single precision are exact, too.
    [Test]
    public void Windows([Values(ElementType.UInt8, ElementType.Int8)] ElementType type, [Values("2,5,9,8", "2,5,11", "1,2,5,6,7")] string shape, [Values(0, 1)] int channelsLast, [Values(0, 1)] int countsPads, [Values] bool hasZeros)
    {
        long[] dimensions = [.. shape.Split(',').Select(long.Parse)];
        int rank = dimensions.Length - 2;
        OperatorTester tester = new OperatorTester("QLinearAveragePool", 17, "com.microsoft").Input(TestTensors.Bytes(type, 1, dimensions)).Input(TestTensors.Scalar(ElementType.Float32, 1 / 64.0)).Input(TestTensors.Scalar(type, 101))
            .Input(TestTensors.Scalar(ElementType.Float32, 1 / 128.0));
        _ = hasZeros ? tester.Input(TestTensors.Scalar(type, 7)) : tester;
        tester.Attribute("kernel_shape", Enumerable.Repeat(3, rank).ToArray()).Attribute("strides", Enumerable.Repeat(2, rank).ToArray()).Attribute("pads", Enumerable.Repeat(1, 2 * rank).ToArray())
            .Attribute("channels_last", channelsLast).Attribute("count_include_pad", countsPads).Output(type).Check();
    }

    [Test]
    public void Rounding([Values(0, 1)] int ceiling, [Values(0, 1)] int countsPads) =>
        new OperatorTester("QLinearAveragePool", 17, "com.microsoft").Input(TestTensors.Bytes(ElementType.UInt8, 1, 1, 2, 9, 10)).Input(TestTensors.Scalar(ElementType.Float32, 1 / 64.0)).Input(TestTensors.Scalar(ElementType.UInt8, 101)).Input(TestTensors.Scalar(ElementType.Float32, 1 / 64.0)).Input(TestTensors.Scalar(ElementType.UInt8, 101))
            .Attribute("kernel_shape", new[] { 2, 2 }).Attribute("strides", new[] { 2, 3 }).Attribute("ceil_mode", ceiling).Attribute("count_include_pad", countsPads).Output(ElementType.UInt8).Check();

    [Test]
    public void SameSize([Values("SAME_UPPER", "SAME_LOWER", "VALID")] string padding) =>
        new OperatorTester("QLinearAveragePool", 17, "com.microsoft").Input(TestTensors.Bytes(ElementType.Int8, 1, 1, 2, 9, 10)).Input(TestTensors.Scalar(ElementType.Float32, 1 / 64.0)).Input(TestTensors.Scalar(ElementType.Int8, 11)).Input(TestTensors.Scalar(ElementType.Float32, 1 / 64.0)).Input(TestTensors.Scalar(ElementType.Int8, 11))
            .Attribute("kernel_shape", new[] { 2, 3 }).Attribute("strides", new[] { 2, 3 }).Attribute("auto_pad", padding).Output(ElementType.Int8).Check();

    [Test]
    public void WrongInputs()
    {
        new OperatorTester("QLinearGlobalAveragePool", 17, "com.microsoft").Input(TestTensors.Bytes(ElementType.UInt8, 1, 2, 3)).Input(TestTensors.Scalar(ElementType.Float32, 1)).Input(TestTensors.Scalar(ElementType.UInt8, 1)).Input(TestTensors.Scalar(ElementType.Float32, 1)).Input(TestTensors.Scalar(ElementType.UInt8, 1)).Output(ElementType.UInt8).Fails<InvalidGraphException>();
        new OperatorTester("QLinearAveragePool", 17, "com.microsoft").Input(TestTensors.Floats(1, 1, 2, 3, 3)).Input(TestTensors.Scalar(ElementType.Float32, 1)).Input(null).Input(TestTensors.Scalar(ElementType.Float32, 1)).Attribute("kernel_shape", new[] { 2, 2 }).Output(ElementType.UInt8).Fails<InvalidGraphException>();
        new OperatorTester("QLinearAveragePool", 17, "com.microsoft").Input(TestTensors.Bytes(ElementType.UInt8, 1, 1, 2, 3, 3)).Input(TestTensors.Scalar(ElementType.Float32, 1)).Input(null).Input(TestTensors.Scalar(ElementType.Float32, 1)).Input(TestTensors.Scalar(ElementType.Int8, 1)).Attribute("kernel_shape", new[] { 2, 2 }).Output(ElementType.UInt8).Fails<InvalidGraphException>();
        new OperatorTester("QLinearAveragePool", 17, "com.microsoft").Input(TestTensors.Bytes(ElementType.UInt8, 1, 1, 2, 3, 3)).Input(TestTensors.Scalar(ElementType.Float32, 1)).Input(null).Input(TestTensors.Scalar(ElementType.Float32, 1)).Attribute("kernel_shape", new[] { 2 }).Attribute("ceil_mode", 1).Attribute("count_include_pad", 1).Output(ElementType.UInt8).Fails<InvalidGraphException>();
    }
}
