namespace OnnxStream.Interop.Tests.Operators;

[NativeMemoryLeakCheck]
public class BinaryArithmeticTests
{
    private static readonly string[] s_operators = ["Add", "Sub", "Mul", "Div"];

    private static readonly (long[] Left, long[] Right)[] s_shapes =
    [
        ([7], [7]),
        ([2, 3, 4], [2, 3, 4]),
        ([2, 3, 4], [4]),
        ([2, 3, 4], [1]),
        ([2, 3, 4], []),
        ([3, 1], [1, 5]),
        ([2, 1, 4, 1], [3, 1, 5]),
        ([1, 2, 1, 2, 1, 2, 1, 2], [2, 1, 2, 1, 2, 1, 2, 1]),
        ([], []),
        ([0, 3], [1, 3]),
        ([1, 17, 33, 5], [17, 1, 1]),
    ];

    [Test]
    public void Broadcasts([ValueSource(nameof(s_operators))] string name, [ValueSource(nameof(s_shapes))] (long[] Left, long[] Right) shapes) =>
        new OperatorTester(name).Input(TestTensors.Floats(1, shapes.Left)).Input(TestTensors.Random(ElementType.Float32, 2, 0.5, 2, shapes.Right)).Check();

    [Test]
    public void BroadcastsOtherWay([ValueSource(nameof(s_operators))] string name, [ValueSource(nameof(s_shapes))] (long[] Left, long[] Right) shapes) =>
        new OperatorTester(name).Input(TestTensors.Floats(1, shapes.Right)).Input(TestTensors.Random(ElementType.Float32, 2, 0.5, 2, shapes.Left)).Check();

    [Test]
    public void OtherTypes([ValueSource(nameof(s_operators))] string name, [Values(ElementType.Float64, ElementType.Int64, ElementType.Int32)] ElementType type) =>
        new OperatorTester(name).Input(TestTensors.Random(type, 1, -9, 9, 3, 1, 5)).Input(TestTensors.Random(type, 2, 1, 9, 4, 5)).Output(type).Check();

    [Test]
    public void LargeTensors([ValueSource(nameof(s_operators))] string name) =>
        new OperatorTester(name).Input(TestTensors.Random(ElementType.Int64, 1, -900, 900, 7, 40001)).Input(TestTensors.Random(ElementType.Int64, 2, 1, 9, 7, 1)).Output(ElementType.Int64).Check(constantsToo: false);
}
