namespace OnnxStream.Interop.Tests.Operators;

[NativeMemoryLeakCheck]
public class MatMulTests
{
    private static readonly (long[] Left, long[] Right)[] s_shapes =
    [
        ([3, 5], [5, 7]),
        ([1, 64], [64, 1]),
        ([5], [5]),
        ([5], [5, 3]),
        ([4, 5], [5]),
        ([2, 3, 4, 5], [5, 6]),
        ([2, 3, 4, 5], [2, 3, 5, 6]),
        ([2, 1, 4, 5], [3, 5, 6]),
        ([4, 5], [2, 3, 5, 6]),
        ([7, 300], [300, 513]),
        ([2, 65, 33], [33, 1000]),
        ([0, 5], [5, 3]),
        ([3, 0], [0, 4]),
    ];

    [Test]
    public void AgreesWithOnnxRuntime([ValueSource(nameof(s_shapes))] (long[] Left, long[] Right) shapes) =>
        new OperatorTester("MatMul") { Tolerance = 1e-4 }.Input(TestTensors.Floats(1, shapes.Left)).Input(TestTensors.Floats(2, shapes.Right)).Check();

    [Test]
    public void ConstantWeight([ValueSource(nameof(s_shapes))] (long[] Left, long[] Right) shapes) =>
        new OperatorTester("MatMul") { Tolerance = 1e-4 }.Input(TestTensors.Floats(1, shapes.Left)).Constant(TestTensors.Floats(2, shapes.Right)).Check();

    [TestCase(ElementType.Int32)]
    [TestCase(ElementType.Int64)]
    [TestCase(ElementType.Float64)]
    [TestCase(ElementType.UInt32)]
    public void OtherTypes(ElementType type) =>
        new OperatorTester("MatMul").Input(TestTensors.Random(type, 1, 0, 9, 2, 3, 4)).Input(TestTensors.Random(type, 2, 0, 9, 4, 5)).Output(type).Check();
}
