namespace OnnxStream.Interop.Tests.Operators;

[NativeMemoryLeakCheck]
public class RenamedOperatorTests
{
    [Test]
    public void Quantizes([Values(ElementType.UInt8, ElementType.Int8, ElementType.UInt16, ElementType.Int16)] ElementType type, [Values] bool isPerAxis)
    {
        OperatorTester tester = new OperatorTester("QuantizeLinear", 17, "com.microsoft").Input(TestTensors.Floats(1, 2, 3, 20)).Input(isPerAxis ? TestTensors.Random(ElementType.Float32, 2, 0.01, 0.03, 3) : TestTensors.Scalar(ElementType.Float32, 0.02)).Input(isPerAxis ? TestTensors.Random(type, 3, 0, 100, 3) : TestTensors.Scalar(type, 99));
        _ = isPerAxis ? tester.Attribute("axis", 1) : tester;
        tester.Output(type).Check();
    }

    [Test]
    public void Dequantizes([Values(ElementType.UInt8, ElementType.Int8, ElementType.UInt16, ElementType.Int16, ElementType.Int32)] ElementType type, [Values] bool isPerAxis)
    {
        OperatorTester tester = new OperatorTester("DequantizeLinear", 17, "com.microsoft").Input(TestTensors.Random(type, 1, 0, 127, 2, 3, 20)).Input(isPerAxis ? TestTensors.Random(ElementType.Float32, 2, 0.01, 0.03, 3) : TestTensors.Scalar(ElementType.Float32, 0.02))
            .Input(type == ElementType.Int32 ? null : isPerAxis ? TestTensors.Random(type, 3, 0, 100, 3) : TestTensors.Scalar(type, 99));
        _ = isPerAxis ? tester.Attribute("axis", 1) : tester;
        tester.Check();
    }

    [Test]
    public void Slices() => new OperatorTester("GatherND", 17, "com.microsoft").Input(TestTensors.Floats(1, 3, 4, 5)).Input(TensorBuffer.Create<long>([0, 1, 2, 3, 1, 0], 3, 2)).Check();

    [Test]
    public void Ranges() => new OperatorTester("Range", 17, "com.microsoft").Constant(TestTensors.Scalar(ElementType.Float32, 1)).Constant(TestTensors.Scalar(ElementType.Float32, 5.5)).Constant(TestTensors.Scalar(ElementType.Float32, 0.75)).Check();

    [Test]
    public void Triangles([Values(0, 1)] int upper) => new OperatorTester("Trilu", 17, "com.microsoft").Input(TestTensors.Floats(1, 2, 4, 5)).Constant(TestTensors.Scalar(ElementType.Int64, 1)).Attribute("upper", upper).Check();
}
