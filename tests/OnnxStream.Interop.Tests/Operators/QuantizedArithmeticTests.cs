namespace OnnxStream.Interop.Tests.Operators;

[NativeMemoryLeakCheck]
public class QuantizedArithmeticTests
{
    [Test]
    public void AgreesWithOnnxRuntime([Values("QLinearAdd", "QLinearMul")] string operatorType, [Values(ElementType.UInt8, ElementType.Int8)] ElementType type, [Values(0.0375, 0.02, 0.5)] double scale)
    {
        // Every pair of numbers: with these scales, many sums lie in the middle between two results.
        double[] all = [.. Enumerable.Range(type == ElementType.UInt8 ? 0 : -128, 256).Select(i => (double)i)];
        new OperatorTester(operatorType, 17, "com.microsoft").Input(TestTensors.FromDoubles(type, [.. all.SelectMany(a => all.Select(_ => a))], 256, 256)).Input(TestTensors.Scalar(ElementType.Float32, 0.02)).Input(TestTensors.Scalar(type, 7))
            .Input(TestTensors.FromDoubles(type, [.. all.SelectMany(_ => all)], 256, 256)).Input(TestTensors.Scalar(ElementType.Float32, 0.03)).Input(TestTensors.Scalar(type, 100)).Input(TestTensors.Scalar(ElementType.Float32, scale)).Input(TestTensors.Scalar(type, 33))
            .Output(type).Check();
    }

    [Test]
    public void Shapes([Values("QLinearAdd", "QLinearMul")] string operatorType, [Values("2,3,40;40", "3,40;2,3,40", "3,40;3,1", "3,1;1,40", "1;5", "5;", "4,1;4,1", ";", "2,3,1,1;2,3,4,5", "0,3;3")] string shapes)
    {
        long[][] dimensions = [.. shapes.Split(';').Select(text => text.Split(',', StringSplitOptions.RemoveEmptyEntries).Select(long.Parse).ToArray())];
        new OperatorTester(operatorType, 17, "com.microsoft").Input(TestTensors.Bytes(ElementType.UInt8, 1, dimensions[0])).Constant(TestTensors.Scalar(ElementType.Float32, 0.021)).Constant(TestTensors.Scalar(ElementType.UInt8, 120))
            .Input(TestTensors.Bytes(ElementType.UInt8, 2, dimensions[1])).Constant(TestTensors.Scalar(ElementType.Float32, 0.033)).Constant(TestTensors.Scalar(ElementType.UInt8, 131)).Constant(TestTensors.Scalar(ElementType.Float32, 0.05)).Constant(TestTensors.Scalar(ElementType.UInt8, 99))
            .Output(ElementType.UInt8).Check();
    }

    // The documentation says so; ONNX Runtime refuses it.
    [Test]
    public void ZeroPointsMayBeLeftOut([Values("QLinearAdd", "QLinearMul")] string operatorType, [Values(ElementType.UInt8, ElementType.Int8)] ElementType type)
    {
        TensorBuffer Run(TensorBuffer? zero) => new OperatorTester(operatorType, 17, "com.microsoft").Input(TestTensors.Bytes(type, 1, 300)).Input(TestTensors.Scalar(ElementType.Float32, 0.02)).Input(zero)
            .Input(TestTensors.Bytes(type, 2, 300)).Input(TestTensors.Scalar(ElementType.Float32, 0.03)).Input(zero).Input(TestTensors.Scalar(ElementType.Float32, 0.04)).Input(zero).Output(type).Run();
        TestTensors.AssertClose(Run(null), Run(TestTensors.Scalar(type, 0)), 0, operatorType);
    }

    [Test]
    public void WrongInputs()
    {
        TensorBuffer bytes = TestTensors.Bytes(ElementType.UInt8, 1, 3);
        TensorBuffer scale = TestTensors.Scalar(ElementType.Float32, 1);
        TensorBuffer zero = TestTensors.Scalar(ElementType.UInt8, 1);
        new OperatorTester("QLinearAdd", 17, "com.microsoft").Input(bytes).Input(scale).Input(zero).Input(TestTensors.Bytes(ElementType.Int8, 1, 3)).Input(scale).Input(zero).Input(scale).Output(ElementType.UInt8).Fails<InvalidGraphException>();
        new OperatorTester("QLinearAdd", 17, "com.microsoft").Input(TestTensors.Floats(1, 3)).Input(scale).Input(zero).Input(bytes).Input(scale).Input(zero).Input(scale).Output(ElementType.UInt8).Fails<InvalidGraphException>();
        new OperatorTester("QLinearMul", 17, "com.microsoft").Input(bytes).Input(TestTensors.Floats(1, 3)).Input(zero).Input(bytes).Input(scale).Input(zero).Input(scale).Output(ElementType.UInt8).Fails<InvalidGraphException>();
        new OperatorTester("QLinearMul", 17, "com.microsoft").Input(bytes).Input(scale).Input(TestTensors.Scalar(ElementType.Int8, 1)).Input(bytes).Input(scale).Input(zero).Input(scale).Output(ElementType.UInt8).Fails<InvalidGraphException>();
        new OperatorTester("QLinearMul", 17, "com.microsoft").Input(bytes).Input(scale).Input(zero).Input(bytes).Input(scale).Input(zero).Output(ElementType.UInt8).Fails<InvalidGraphException>();
    }
}
