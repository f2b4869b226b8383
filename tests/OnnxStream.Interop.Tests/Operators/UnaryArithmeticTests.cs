namespace OnnxStream.Interop.Tests.Operators;

[NativeMemoryLeakCheck]
public class UnaryArithmeticTests
{
    [Test]
    public void Types([Values("Neg", "Abs", "Sign")] string name, [Values(ElementType.Float32, ElementType.Float64, ElementType.Int64, ElementType.Int32, ElementType.Int8)] ElementType type) =>
        new OperatorTester(name, 13).Input(TestTensors.Random(type, 1, -9, 9, 3, 41)).Output(type).Check();

    [Test]
    public void HalfPrecision([Values("Neg", "Abs", "Sign")] string name) =>
        new OperatorTester(name, 13).Input(TestTensors.Random(ElementType.Float16, 1, -9, 9, 30)).Output(ElementType.Float16).CheckAgainst(inputs =>
            [TensorBuffer.Create<Half>([.. inputs[0].Span<Half>().ToArray().Select(x => name == "Neg" ? -x : name == "Abs" ? Half.Abs(x) : (Half)Half.Sign(x))], 30)]);

    [Test]
    public void Shapes([Values("Neg", "Abs", "Sign")] string name, [Values(new long[] { }, new long[] { 0, 3 }, new long[] { 3, 20001 })] long[] shape) =>
        new OperatorTester(name, name == "Sign" ? 9 : 6).Input(TestTensors.Floats(1, shape)).Check(constantsToo: false);

    [Test]
    public void SpecialNumbers([Values("Neg", "Abs")] string name) =>
        new OperatorTester(name, 13).Input(TensorBuffer.Create<float>([float.NaN, float.PositiveInfinity, float.NegativeInfinity, -0f, 0], 5)).Check();

    [Test]
    public void SmallestInteger([Values("Neg", "Abs")] string name) =>
        new OperatorTester(name, 13).Input(TensorBuffer.Create<int>([int.MinValue, 5], 2)).Output(ElementType.Int32).CheckAgainst(_ => [TensorBuffer.Create<int>([int.MinValue, name == "Neg" ? -5 : 5], 2)]);

    [Test]
    public void RefusesTruthValues() =>
        new OperatorTester("Neg", 13).Input(TestTensors.Random(ElementType.Bool, 1, 0, 1, 3)).Output(ElementType.Bool).Fails<UnsupportedOperatorException>();
}
