namespace OnnxStream.Interop.Tests.Operators;

[NativeMemoryLeakCheck]
public class QuantizedMatMulTests
{
    [Test]
    public void Integers([Values("uint8 uint8", "uint8 int8", "int8 int8")] string types, [Values] bool hasZeros, [Values] bool isPerColumn, [Values] bool hasBias)
    {
        (ElementType left, ElementType right) = (types.StartsWith('u') ? ElementType.UInt8 : ElementType.Int8, types.EndsWith(" uint8", StringComparison.Ordinal) ? ElementType.UInt8 : ElementType.Int8);
        OperatorTester tester = new OperatorTester("MatMulIntegerToFloat", 17, "com.microsoft").Input(TestTensors.Bytes(left, 1, 2, 3, 40)).Input(TestTensors.ByteWeights(right, 2, 40, 7)).Input(TestTensors.Scalar(ElementType.Float32, 0.02))
            .Input(isPerColumn ? TestTensors.Random(ElementType.Float32, 3, 0.01, 0.05, 7) : TestTensors.Scalar(ElementType.Float32, 0.03)).Input(hasZeros ? TestTensors.Scalar(left, 100) : null).Input(hasZeros ? isPerColumn ? TestTensors.Bytes(right, 4, 7) : TestTensors.Scalar(right, 5) : null);
        _ = hasBias ? tester.Input(TestTensors.Floats(5, 7)) : tester;
        tester.Check();
    }

    [Test]
    public void Reals([Values(ElementType.UInt8, ElementType.Int8)] ElementType right, [Values] bool hasZeros, [Values] bool isPerColumn, [Values] bool hasBias)
    {
        OperatorTester tester = new OperatorTester("DynamicQuantizeMatMul", 17, "com.microsoft").Input(TestTensors.Floats(1, 2, 3, 40)).Input(TestTensors.ByteWeights(right, 2, 40, 7))
            .Input(isPerColumn ? TestTensors.Random(ElementType.Float32, 3, 0.01, 0.05, 7) : TestTensors.Scalar(ElementType.Float32, 0.03)).Input(hasZeros ? isPerColumn ? TestTensors.Bytes(right, 4, 7) : TestTensors.Scalar(right, 5) : null);
        _ = hasBias ? tester.Input(TestTensors.Floats(5, 7)) : tester;
        tester.Check();
    }

    [Test]
    public void Batches([Values("2,3,5;2,5,4", "3,5;2,5,4", "2,1,3,5;3,5,4", "5;5,4", "1,5;5,1")] string shapes)
    {
        long[][] dimensions = [.. shapes.Split(';').Select(text => text.Split(',').Select(long.Parse).ToArray())];
        new OperatorTester("MatMulIntegerToFloat", 17, "com.microsoft").Input(TestTensors.Bytes(ElementType.UInt8, 1, dimensions[0])).Input(TestTensors.ByteWeights(ElementType.Int8, 2, dimensions[1])).Input(TestTensors.Scalar(ElementType.Float32, 0.02)).Input(TestTensors.Scalar(ElementType.Float32, 0.03)).Input(TestTensors.Scalar(ElementType.UInt8, 77)).Check();
        new OperatorTester("DynamicQuantizeMatMul", 17, "com.microsoft").Input(TestTensors.Floats(1, dimensions[0])).Input(TestTensors.ByteWeights(ElementType.Int8, 2, dimensions[1])).Input(TestTensors.Scalar(ElementType.Float32, 0.03)).Check();
    }

    [Test]
    public void WrongInputs()
    {
        OperatorTester Make(TensorBuffer a, TensorBuffer b, TensorBuffer scale, TensorBuffer zero, TensorBuffer? bias = null) =>
            new OperatorTester("MatMulIntegerToFloat", 17, "com.microsoft").Input(a).Input(b).Input(TestTensors.Scalar(ElementType.Float32, 1)).Input(scale).Input(TestTensors.Scalar(ElementType.UInt8, 1)).Input(zero).Input(bias);
        (TensorBuffer left, TensorBuffer right, TensorBuffer scale, TensorBuffer zero) = (TestTensors.Bytes(ElementType.UInt8, 1, 2, 3), TestTensors.Bytes(ElementType.Int8, 2, 3, 4), TestTensors.Scalar(ElementType.Float32, 1), TestTensors.Scalar(ElementType.Int8, 1));
        Make(TestTensors.Floats(1, 2, 3), right, scale, zero).Fails<InvalidGraphException>();
        Make(TestTensors.Bytes(ElementType.Int8, 1, 2, 3), right, scale, zero).Fails<InvalidGraphException>();
        Make(left, TestTensors.Floats(1, 3, 4), scale, zero).Fails<InvalidGraphException>();
        Make(left, right, scale, TestTensors.Scalar(ElementType.UInt8, 1)).Fails<InvalidGraphException>();
        Make(left, right, TestTensors.Floats(1, 3), zero).Fails<InvalidGraphException>();
        Make(left, right, TestTensors.Floats(1, 2, 1, 1), zero).Fails<InvalidGraphException>();
        Make(left, TestTensors.Bytes(ElementType.Int8, 2, 4, 4), scale, zero).Fails<InvalidGraphException>();
    }
}
