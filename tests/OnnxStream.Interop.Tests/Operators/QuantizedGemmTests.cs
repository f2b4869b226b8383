namespace OnnxStream.Interop.Tests.Operators;

[NativeMemoryLeakCheck]
public class QuantizedGemmTests
{
    [Test]
    public void AgreesWithOnnxRuntime([Values(ElementType.UInt8, ElementType.Int8)] ElementType left, [Values] bool isReal, [Values] bool isPerColumn, [Values(0, 1)] int transA, [Values(0, 1)] int transB, [Values(null, "", "6", "1,6", "5,1", "5,6")] string? bias)
    {
        OperatorTester tester = new OperatorTester("QGemm", 17, "com.microsoft").Input(TestTensors.Bytes(left, 1, transA == 0 ? [5, 30] : [30, 5])).Constant(TestTensors.Scalar(ElementType.Float32, 0.02)).Constant(TestTensors.Scalar(left, 101))
            .Input(TestTensors.ByteWeights(ElementType.Int8, 2, transB == 0 ? [30, 6] : [6, 30])).Constant(isPerColumn ? TestTensors.Random(ElementType.Float32, 3, 0.01, 0.05, 6) : TestTensors.Scalar(ElementType.Float32, 0.03)).Constant(isPerColumn ? TestTensors.Bytes(ElementType.Int8, 4, 6) : TestTensors.Scalar(ElementType.Int8, -3))
            .Input(bias is null ? null : TestTensors.Random(ElementType.Int32, 5, -30_000, 30_000, [.. bias.Split(',', StringSplitOptions.RemoveEmptyEntries).Select(long.Parse)]))
            .Attribute("transA", transA).Attribute("transB", transB);
        _ = isReal ? tester : tester.Constant(TestTensors.Scalar(ElementType.Float32, 1.7)).Constant(TestTensors.Scalar(left, 90));
        tester.Output(isReal ? ElementType.Float32 : left).Check();
    }

    [Test]
    public void Factor([Values] bool isReal)
    {
        OperatorTester tester = new OperatorTester("QGemm", 17, "com.microsoft").Input(TestTensors.Bytes(ElementType.UInt8, 1, 2, 9)).Input(TestTensors.Scalar(ElementType.Float32, 0.02)).Input(TestTensors.Scalar(ElementType.UInt8, 0)).Input(TestTensors.Bytes(ElementType.UInt8, 2, 9, 3)).Input(TestTensors.Scalar(ElementType.Float32, 0.03)).Input(TestTensors.Scalar(ElementType.UInt8, 128)).Input(null)
            .Attribute("alpha", 0.37f);
        _ = isReal ? tester : tester.Input(TestTensors.Scalar(ElementType.Float32, 0.7)).Input(TestTensors.Scalar(ElementType.UInt8, 90));
        tester.Output(isReal ? ElementType.Float32 : ElementType.UInt8).Check();
    }

    [Test]
    public void WrongInputs()
    {
        OperatorTester Make(TensorBuffer a, TensorBuffer b, TensorBuffer scale, TensorBuffer zero, TensorBuffer? bias) => new OperatorTester("QGemm", 17, "com.microsoft").Input(a).Input(TestTensors.Scalar(ElementType.Float32, 1)).Input(TestTensors.Scalar(ElementType.UInt8, 1)).Input(b).Input(scale).Input(zero).Input(bias);
        (TensorBuffer left, TensorBuffer right, TensorBuffer scale, TensorBuffer zero) = (TestTensors.Bytes(ElementType.UInt8, 1, 2, 3), TestTensors.Bytes(ElementType.UInt8, 2, 3, 4), TestTensors.Scalar(ElementType.Float32, 1), TestTensors.Scalar(ElementType.UInt8, 1));
        Make(TestTensors.Bytes(ElementType.UInt8, 1, 2, 4), right, scale, zero, null).Fails<InvalidGraphException>();
        Make(TestTensors.Bytes(ElementType.UInt8, 1, 3), right, scale, zero, null).Fails<InvalidGraphException>();
        Make(TestTensors.Floats(1, 2, 3), right, scale, zero, null).Fails<InvalidGraphException>();
        Make(left, right, TestTensors.Floats(1, 3), zero, null).Fails<InvalidGraphException>();
        Make(left, right, scale, TestTensors.Scalar(ElementType.Int8, 1), null).Fails<InvalidGraphException>();
        Make(left, right, scale, zero, TestTensors.Random(ElementType.Int32, 1, 0, 9, 3)).Fails<InvalidGraphException>();
        Make(left, right, scale, zero, TestTensors.Floats(1, 4)).Fails<InvalidGraphException>();
    }
}
