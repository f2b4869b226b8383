namespace OnnxStream.Interop.Tests.Operators;

[NativeMemoryLeakCheck]
public class ArgExtremumTests
{
    private static readonly string[] s_functions = ["ArgMax", "ArgMin"];

    [Test]
    public void AgreesWithOnnxRuntime([ValueSource(nameof(s_functions))] string name, [Values(0, 1, -1)] int axis, [Values(0, 1)] int keep, [Values(0, 1)] int last, [Values(ElementType.Float32, ElementType.Int32)] ElementType type) =>
        new OperatorTester(name, 13).Input(TestTensors.Random(type, 1, -3, 3, 4, 30, 5)).Attribute("axis", axis).Attribute("keepdims", keep).Attribute("select_last_index", last).Output(ElementType.Int64).Check();

    // Whole vectors of lines side by side, and the rest.
    [Test]
    public void Lanes([ValueSource(nameof(s_functions))] string name, [Values(0, 1)] int last, [Values(ElementType.Float32, ElementType.Float64, ElementType.Int32, ElementType.Int64)] ElementType type, [Values(8, 16, 70)] int inner) =>
        new OperatorTester(name, 13).Input(TestTensors.Rounded(type, 1, 3, 40, inner)).Attribute("axis", 1).Attribute("select_last_index", last).Output(ElementType.Int64).Check(constantsToo: false);

    [Test]
    public void EqualElements([ValueSource(nameof(s_functions))] string name, [Values(0, 1)] int last) =>
        new OperatorTester(name, 12).Input(TestTensors.FromDoubles(ElementType.Float32, [2, 1, 2, 1, 1, 2], 6)).Attribute("select_last_index", last).Output(ElementType.Int64).Check();

    [Test]
    public void OldOperatorSets([ValueSource(nameof(s_functions))] string name, [Values(7, 11)] int operatorSet) =>
        new OperatorTester(name, operatorSet).Input(TestTensors.Floats(1, 4, 5)).Output(ElementType.Int64).Check();

    [Test]
    public void OtherTypes([ValueSource(nameof(s_functions))] string name, [Values(ElementType.UInt8, ElementType.Int8, ElementType.Float64)] ElementType type) =>
        new OperatorTester(name, 13).Input(TestTensors.Random(type, 1, 0, 90, 4, 30)).Attribute("axis", 1).Output(ElementType.Int64).Check();

    [Test]
    public void EmptyTensors([ValueSource(nameof(s_functions))] string name)
    {
        Assert.That(new OperatorTester(name, 13).Input(TestTensors.Floats(1, 0, 3)).Attribute("axis", 1).Output(ElementType.Int64).Run().Shape, Is.EqualTo(new Shape(0, 1)));
        new OperatorTester(name, 13).Input(TestTensors.Floats(1, 0, 3)).Output(ElementType.Int64).Fails<InvalidGraphException>();
    }

    [Test]
    public void WrongAxis([ValueSource(nameof(s_functions))] string name) =>
        new OperatorTester(name, 13).Input(TestTensors.Floats(1, 2, 3)).Attribute("axis", 2).Output(ElementType.Int64).Fails<InvalidGraphException>();

    // Zeros of both signs are equal; what is no number is taken for the extreme, as NumPy does, which ONNX's reference is written in.
    [TestCase(new[] { -0f, 0, 0 }, 0, 0)]
    [TestCase(new[] { 0f, -0f, -1 }, 0, 2)]
    [TestCase(new[] { 1, float.NaN, 3, 0 }, 1, 1)]
    [TestCase(new[] { float.NegativeInfinity, float.NegativeInfinity }, 0, 0)]
    public void SpecialNumbers(float[] numbers, int largest, int smallest)
    {
        TensorBuffer tensor = TensorBuffer.Create<float>(numbers, numbers.Length);
        Assert.That(new OperatorTester("ArgMax").Input(tensor).Output(ElementType.Int64).Run().Span<long>()[0], Is.EqualTo(largest));
        Assert.That(new OperatorTester("ArgMin").Input(tensor).Output(ElementType.Int64).Run().Span<long>()[0], Is.EqualTo(smallest));
    }
}
