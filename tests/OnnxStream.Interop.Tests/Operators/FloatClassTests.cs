namespace OnnxStream.Interop.Tests.Operators;

[NativeMemoryLeakCheck]
public class FloatClassTests
{
    [Test]
    public void NotANumber([Values(ElementType.Float32, ElementType.Float64, ElementType.Float16)] ElementType type) =>
        new OperatorTester("IsNaN", 13).Input(Special(type)).Output(ElementType.Bool).Check();

    [Test]
    public void Infinity([Values(ElementType.Float32, ElementType.Float64)] ElementType type, [Values(0, 1)] int positive, [Values(0, 1)] int negative) =>
        new OperatorTester("IsInf", 10).Input(Special(type)).Attribute("detect_positive", positive).Attribute("detect_negative", negative).Output(ElementType.Bool).Check();

    [Test]
    public void EveryCodeOfNarrowFloats([ValueSource(typeof(NarrowFormat), nameof(NarrowFormat.Types))] ElementType type, [Values] bool isInfinity)
    {
        TensorBuffer codes = new(type, new Shape(type == ElementType.Float4E2M1 ? 16 : 256));
        for (int i = 0; i < codes.Bytes.Length; i++)
        {
            codes.Bytes[i] = (byte)i;
        }

        bool[] expected = [.. TestTensors.ToDoubles(codes).Select(number => isInfinity ? double.IsInfinity(number) : double.IsNaN(number))];
        new OperatorTester(isInfinity ? "IsInf" : "IsNaN", 20).Input(codes).Output(ElementType.Bool).CheckAgainst(_ => [TensorBuffer.Create<bool>(expected, expected.Length)]);
    }

    [Test]
    public void RefusesIntegers() => new OperatorTester("IsNaN", 13).Input(TestTensors.Integers(1)).Output(ElementType.Bool).Fails<InvalidGraphException>();

    private static TensorBuffer Special(ElementType type)
    {
        double[] values = [double.NaN, double.PositiveInfinity, double.NegativeInfinity, 0, -1, 65504];
        TensorBuffer tensor = new(type, new Shape(2, 3));
        for (int i = 0; i < values.Length; i++)
        {
            TestTensors.Set(tensor, i, values[i]);
        }

        return tensor;
    }
}
