namespace OnnxStream.Interop.Tests.Operators;

[NativeMemoryLeakCheck]
public class SoftmaxTests
{
    private static readonly string[] s_functions = ["Softmax", "LogSoftmax", "Hardmax"];
    private static readonly (long[] Shape, int Axis)[] s_cases =
    [
        ([7], 0), ([3, 5], -1), ([3, 5], 0), ([2, 3, 4, 5], 1), ([2, 3, 4, 5], -2), ([2, 3, 4, 5], 3), ([4, 1], 1), ([2, 1500], 1), ([0, 3], 1), ([3, 0], 1),
    ];

    [Test]
    public void AgreesWithOnnxRuntime([ValueSource(nameof(s_functions))] string name, [ValueSource(nameof(s_cases))] (long[] Shape, int Axis) test, [Values(11, 13)] int operatorSet) =>
        new OperatorTester(name, operatorSet).Input(TestTensors.Random(ElementType.Float32, 1, -9, 9, test.Shape)).Attribute("axis", operatorSet < 13 && test.Axis < 0 ? test.Axis + test.Shape.Length : test.Axis).Check();

    [Test]
    public void DefaultAxis([ValueSource(nameof(s_functions))] string name, [Values(6, 11, 13)] int operatorSet) =>
        new OperatorTester(name, operatorSet).Input(TestTensors.Floats(1, 2, 3, 4)).Check();

    [Test]
    public void DoublePrecision([Values("Softmax", "LogSoftmax")] string name) =>
        new OperatorTester(name, 13).Input(TestTensors.Random(ElementType.Float64, 1, -9, 9, 2, 3, 40)).Attribute("axis", 1).Output(ElementType.Float64).Check();

    [Test]
    public void HalfPrecision([ValueSource(nameof(s_functions))] string name)
    {
        TensorBuffer half = TestTensors.Random(ElementType.Float16, 1, -9, 9, 3, 700);
        TensorBuffer actual = new OperatorTester(name, 13).Input(half).Output(ElementType.Float16).Run();
        TensorBuffer expected = new OperatorTester(name, 13).Input(TestTensors.FromDoubles(ElementType.Float32, TestTensors.ToDoubles(half), 3, 700)).Run();
        TestTensors.AssertNumbersClose(actual, TestTensors.ToDoubles(expected), 1e-3, name);
    }

    [Test]
    public void LargeValues([ValueSource(nameof(s_functions))] string name) =>
        new OperatorTester(name, 13).Input(TestTensors.Random(ElementType.Float32, 1, 5000, 5100, 3, 50)).Check();

    [Test]
    public void WrongAxis([ValueSource(nameof(s_functions))] string name) =>
        new OperatorTester(name, 13).Input(TestTensors.Floats(1, 3, 5)).Attribute("axis", 2).Fails<InvalidGraphException>();
}
