using OnnxStream.Interop.Tensors;

namespace OnnxStream.Interop.Tests.Tensors;

public unsafe class HalfConversionTests
{
    [Test]
    public void EveryHalfIsExpanded()
    {
        Half[] halves = [.. Enumerable.Range(0, 1 << 16).Select(bits => BitConverter.UInt16BitsToHalf((ushort)bits))];
        float[] numbers = new float[halves.Length];
        fixed (Half* source = halves)
        fixed (float* destination = numbers)
        {
            HalfConversion.ToSingle(source, destination, halves.Length);
        }

        for (int i = 0; i < halves.Length; i++)
        {
            Check(numbers[i], (float)halves[i], $"half {i:x4}");
        }
    }

    // Each half, the middle to the next one, and the numbers beside both.
    [Test]
    public void NumbersAreRoundedToTheNearest()
    {
        List<float> numbers = [float.Epsilon, -float.Epsilon, float.MaxValue, -float.MaxValue, 65519.996f, 65520, 65536, 1e-30f];
        for (int bits = 0; bits < 1 << 16; bits++)
        {
            float number = (float)BitConverter.UInt16BitsToHalf((ushort)bits);
            float middle = (number + (float)BitConverter.UInt16BitsToHalf((ushort)(bits + 1))) / 2;
            numbers.AddRange([number, MathF.BitIncrement(number), MathF.BitDecrement(number), middle, MathF.BitIncrement(middle), MathF.BitDecrement(middle)]);
        }

        CheckRounded([.. numbers]);
    }

    [Test]
    public void EveryExponentIsRounded()
    {
        Random random = new(1);
        CheckRounded([.. Enumerable.Range(0, 1 << 17).Select(_ => BitConverter.Int32BitsToSingle(random.Next(int.MinValue, int.MaxValue)))]);
    }

    [Test]
    public void AnyCount([Range(0, 70)] int count)
    {
        float[] numbers = [.. Enumerable.Range(0, count).Select(i => i * 1.37f - 20)];
        CheckRounded(numbers);
        Half[] halves = [.. numbers.Select(number => (Half)number)];
        float[] expanded = new float[count + 1];
        expanded[count] = -1;
        fixed (Half* source = halves)
        fixed (float* destination = expanded)
        {
            HalfConversion.ToSingle(source, destination, count);
        }

        Assert.That(expanded, Is.EqualTo((float[])[.. halves.Select(half => (float)half), -1]));
    }

    private static void CheckRounded(float[] numbers)
    {
        Half[] halves = new Half[numbers.Length + 1];
        halves[numbers.Length] = (Half)(-7);
        fixed (float* source = numbers)
        fixed (Half* destination = halves)
        {
            HalfConversion.FromSingle(source, destination, numbers.Length);
        }

        for (int i = 0; i < numbers.Length; i++)
        {
            Check((float)halves[i], (float)(Half)numbers[i], $"{numbers[i]:g9}");
        }

        Assert.That((float)halves[numbers.Length], Is.EqualTo(-7), "behind the end");
    }

    private static void Check(float actual, float expected, string name)
    {
        bool isEqual = float.IsNaN(expected) ? float.IsNaN(actual) && float.IsNegative(actual) == float.IsNegative(expected) : BitConverter.SingleToInt32Bits(actual) == BitConverter.SingleToInt32Bits(expected);
        if (!isEqual)
        {
            Assert.Fail($"{name}: {actual:g9} instead of {expected:g9}");
        }
    }
}
