using OnnxStream.Interop.Tensors;

namespace OnnxStream.Interop.Tests.Tensors;

public class NarrowFloatTests
{
    // A prime, so that all bits of the mantissa change.
    private const uint Step = 65_537;

    private static readonly string[] s_roundModes = ["up", "down", "nearest"];

    private static ElementType[] Types => NarrowFormat.Types;

    [Test]
    public void EveryCodeIsTheNumberOfTheSpecification([ValueSource(nameof(Types))] ElementType type)
    {
        float[] numbers = NarrowFloat.Of(type).Numbers;
        Assert.That(numbers, Has.Length.EqualTo(256));
        for (int code = 0; code < 256; code++)
        {
            double expected = NarrowFormat.Number(type, code);
            Assert.That(BitConverter.DoubleToInt64Bits(numbers[code]) == BitConverter.DoubleToInt64Bits(expected) || (double.IsNaN(expected) && float.IsNaN(numbers[code])), Is.True, () => $"code {code} is {numbers[code]:R}, expected {expected:R}");
        }
    }

    [Test]
    public void NumbersOfCodesComeBackAsThem([ValueSource(nameof(Types))] ElementType type, [Values] bool overflows)
    {
        int codes = type == ElementType.Float4E2M1 ? 16 : 256;
        for (int code = 0; code < codes; code++)
        {
            double number = NarrowFormat.Number(type, code);
            if (!double.IsNaN(number) && (overflows || !double.IsInfinity(number)))
            {
                Assert.That(Round(type, number, new NarrowRounding(overflows)), Is.EqualTo(code));
            }
        }
    }

    [Test]
    public void EdgesAndMiddles([ValueSource(nameof(Types))] ElementType type, [Values] bool saturates, [ValueSource(nameof(s_roundModes))] string roundMode)
    {
        foreach (double number in NarrowFormat.Numbers(type))
        {
            Compare(type, number, saturates, roundMode);
        }
    }

    [Test]
    public void AllOfHalfPrecision([ValueSource(nameof(Types))] ElementType type, [Values] bool saturates)
    {
        for (int bits = 0; bits <= ushort.MaxValue; bits++)
        {
            Compare(type, (double)BitConverter.UInt16BitsToHalf((ushort)bits), saturates, "nearest");
        }
    }

    [Test]
    public void AllOfBrainFloats([ValueSource(nameof(Types))] ElementType type, [Values] bool saturates)
    {
        for (int bits = 0; bits <= ushort.MaxValue; bits++)
        {
            Compare(type, BitConverter.Int32BitsToSingle(bits << 16), saturates, "up");
        }
    }

    [Test]
    public void TheRangeOfSinglePrecision([ValueSource(nameof(Types))] ElementType type)
    {
        for (ulong bits = 0; bits <= uint.MaxValue; bits += Step)
        {
            Compare(type, BitConverter.UInt32BitsToSingle((uint)bits), true, "up");
        }
    }

    [Test]
    public void TheRangeOfDoublePrecision([ValueSource(nameof(Types))] ElementType type, [Values] bool saturates)
    {
        Random random = new(5);
        for (int i = 0; i < 50_000; i++)
        {
            Compare(type, BitConverter.Int64BitsToDouble(random.NextInt64(long.MinValue, long.MaxValue)), saturates, "down");
            Compare(type, (random.NextDouble() - 0.5) * Math.Pow(2, random.Next(-20, 20)), saturates, "nearest");
        }
    }

    private static void Compare(ElementType type, double number, bool saturates, string roundMode)
    {
        int expected = NarrowFormat.Code(type, number, saturates, roundMode);
        NarrowRounding rounding = new(!saturates, roundMode switch { "up" => ScaleRounding.Up, "down" => ScaleRounding.Down, _ => ScaleRounding.Nearest });
        int actual = Round(type, number, rounding);
        if (actual != expected)
        {
            Assert.Fail($"{number:R} becomes {actual:X2} in {type}, expected {expected:X2} (saturate {saturates}, {roundMode})");
        }
    }

    private static int Round(ElementType type, double number, NarrowRounding rounding)
    {
        Span<byte> code = stackalloc byte[1];
        NarrowFloat.Of(type).Round([number], code, rounding);
        return code[0];
    }
}
