namespace OnnxStream.Interop.Tests.Operators;

[NativeMemoryLeakCheck]
public class ShortIntegerProductTests
{
    [TestCase(ElementType.Int16, ElementType.Int16)]
    [TestCase(ElementType.UInt16, ElementType.Int16)]
    [TestCase(ElementType.UInt16, ElementType.UInt16)]
    public void Types(ElementType left, ElementType right)
    {
        ElementType sum = left == ElementType.UInt16 && right == ElementType.UInt16 ? ElementType.UInt32 : ElementType.Int32;
        TensorBuffer a = TestTensors.Random(left, 1, left == ElementType.UInt16 ? 0 : -20_000, 20_000, 2, 3, 4);
        TensorBuffer b = TestTensors.Random(right, 2, right == ElementType.UInt16 ? 0 : -20_000, 20_000, 4, 5);
        new OperatorTester("MatMulInteger16", 17, "com.microsoft").Input(a).Input(b).Output(sum).CheckAgainst(inputs =>
        {
            double[][] numbers = [.. inputs.Select(TestTensors.ToDoubles)];
            return [TestTensors.FromDoubles(sum, [.. from row in Enumerable.Range(0, 6) from column in Enumerable.Range(0, 5) select Enumerable.Range(0, 4).Sum(k => numbers[0][row * 4 + k] * numbers[1][k * 5 + column])], 2, 3, 5)];
        });
    }

    // ONNX Runtime has these types only.
    [Test]
    public void AsOnnxRuntime() => new OperatorTester("MatMulInteger16", 17, "com.microsoft").Input(TestTensors.Random(ElementType.Int16, 1, -999, 999, 3, 4)).Input(TestTensors.Random(ElementType.Int16, 2, -999, 999, 4, 5)).Output(ElementType.Int32).Check();

    [Test]
    public void OtherTypes() => new OperatorTester("MatMulInteger16", 17, "com.microsoft").Input(TestTensors.Bytes(ElementType.Int8, 1, 3, 4)).Input(TestTensors.Bytes(ElementType.Int8, 2, 4, 5)).Output(ElementType.Int32).Fails<InvalidGraphException>();
}
