using System.Runtime.InteropServices;

namespace OnnxStream.Interop.Tests;

/// <summary>Makes seeded tensors and compares tensors.</summary>
internal static class TestTensors
{
    /// <summary>A tensor of seeded random elements: floats from <paramref name="low"/> to <paramref name="high"/>, integers likewise.</summary>
    public static TensorBuffer Random(ElementType type, int seed, double low, double high, params long[] dimensions)
    {
        Random random = new(seed);
        TensorBuffer tensor = new(type, new Shape(dimensions));
        long count = tensor.Shape.ElementCount;
        for (int i = 0; i < count; i++)
        {
            Set(tensor, i, low + random.NextDouble() * (high - low));
        }

        return tensor;
    }

    /// <summary>A single-precision tensor of seeded random elements from -2 to 2.</summary>
    public static TensorBuffer Floats(int seed, params long[] dimensions) => Random(ElementType.Float32, seed, -2, 2, dimensions);

    /// <summary>Seeded random elements that every floating-point type holds exactly, so that precisions can be compared.</summary>
    public static TensorBuffer Rounded(ElementType type, int seed, params long[] dimensions) =>
        FromDoubles(type, ToDoubles(Random(ElementType.Float16, seed, -2, 2, dimensions)), dimensions);

    /// <summary>Seeded random 8-bit integers over their whole range.</summary>
    public static TensorBuffer Bytes(ElementType type, int seed, params long[] dimensions) =>
        type == ElementType.UInt8 ? Random(type, seed, 0, 255, dimensions) : Random(type, seed, -128, 127, dimensions);

    /// <summary>Weights for comparisons of 8-bit products with ONNX Runtime: on processors without VNNI it adds two products of an unsigned and a signed byte in 16 bits, and what does not fit is cut off. With signed bytes of 7 bits it fits. Plain sums are what the whole range is compared with.</summary>
    public static TensorBuffer ByteWeights(ElementType type, int seed, params long[] dimensions) =>
        type == ElementType.UInt8 ? Bytes(type, seed, dimensions) : Random(type, seed, -64, 63, dimensions);

    /// <summary>A single number: a scale or a zero point.</summary>
    public static TensorBuffer Scalar(ElementType type, double value) => FromDoubles(type, [value]);

    /// <summary>An int64 vector.</summary>
    public static TensorBuffer Integers(params long[] values) => TensorBuffer.Create<long>(values, values.Length);

    /// <summary>A tensor of these numbers; a scalar if no dimensions are given and there is one number.</summary>
    public static TensorBuffer FromDoubles(ElementType type, double[] values, params long[] dimensions)
    {
        TensorBuffer tensor = new(type, new Shape(dimensions));
        for (int i = 0; i < values.Length; i++)
        {
            Set(tensor, i, values[i]);
        }

        return tensor;
    }

    /// <summary>Sets one element from a number.</summary>
    public static void Set(TensorBuffer tensor, int index, double value)
    {
        switch (tensor.ElementType)
        {
            case ElementType.Float32:
                tensor.Span<float>()[index] = (float)value;
                break;
            case ElementType.Float64:
                tensor.Span<double>()[index] = value;
                break;
            case ElementType.Float16:
                tensor.Span<Half>()[index] = (Half)value;
                break;
            case ElementType.BFloat16:
                MemoryMarshal.Cast<byte, ushort>(tensor.Bytes)[index] = ToBFloat16(value);
                break;
            case ElementType.Int64:
                tensor.Span<long>()[index] = (long)Math.Round(value);
                break;
            case ElementType.Int32:
                tensor.Span<int>()[index] = (int)Math.Round(value);
                break;
            case ElementType.Int16:
                tensor.Span<short>()[index] = (short)Math.Round(value);
                break;
            case ElementType.Int8:
                tensor.Span<sbyte>()[index] = (sbyte)Math.Round(value);
                break;
            case ElementType.UInt8:
                tensor.Span<byte>()[index] = (byte)Math.Round(value);
                break;
            case ElementType.UInt16:
                tensor.Span<ushort>()[index] = (ushort)Math.Round(value);
                break;
            case ElementType.UInt32:
                tensor.Span<uint>()[index] = (uint)Math.Round(value);
                break;
            case ElementType.UInt64:
                tensor.Span<ulong>()[index] = (ulong)Math.Round(value);
                break;
            case ElementType.Bool:
                tensor.Span<bool>()[index] = value > 0;
                break;
            case ElementType.Int4 or ElementType.UInt4 or ElementType.Int2 or ElementType.UInt2:
                (_, int least, int most) = NarrowFormat.Integers.Single(type => type.Type == tensor.ElementType);
                tensor.Bytes[index] = (byte)(int)Math.Clamp(Math.Round(value), least, most);
                break;
            default:
                tensor.Bytes[index] = tensor.ElementType.IsNarrow() ? (byte)NarrowFormat.Code(tensor.ElementType, value) : throw new ArgumentException($"{tensor.ElementType}");
                break;
        }
    }

    /// <summary>All elements as numbers.</summary>
    public static double[] ToDoubles(TensorBuffer tensor) => tensor.ElementType switch
    {
        ElementType.Float32 => Convert<float>(tensor, value => value),
        ElementType.Float64 => Convert<double>(tensor, value => value),
        ElementType.Float16 => Convert<Half>(tensor, value => (double)value),
        ElementType.BFloat16 => Convert<ushort>(tensor, bits => BitConverter.Int32BitsToSingle(bits << 16)),
        ElementType.Int64 => Convert<long>(tensor, value => value),
        ElementType.Int32 => Convert<int>(tensor, value => value),
        ElementType.Int16 => Convert<short>(tensor, value => value),
        ElementType.Int8 => Convert<sbyte>(tensor, value => value),
        ElementType.UInt8 => Convert<byte>(tensor, value => value),
        ElementType.UInt16 => Convert<ushort>(tensor, value => value),
        ElementType.UInt32 => Convert<uint>(tensor, value => value),
        ElementType.UInt64 => Convert<ulong>(tensor, value => value),
        ElementType.Bool => Convert<bool>(tensor, value => value ? 1 : 0),
        ElementType.Int4 or ElementType.Int2 => Convert<sbyte>(tensor, value => value),
        ElementType.UInt4 or ElementType.UInt2 => Convert<byte>(tensor, value => value),
        _ => Convert<byte>(tensor, code => NarrowFormat.Number(tensor.ElementType, code)),
    };

    /// <summary>The root of the mean squared difference, divided by that of the expected values.</summary>
    public static double RelativeRms(TensorBuffer actual, TensorBuffer expected)
    {
        double[] a = ToDoubles(actual);
        double[] b = ToDoubles(expected);
        double difference = 0;
        double size = 0;
        for (int i = 0; i < a.Length; i++)
        {
            difference += (a[i] - b[i]) * (a[i] - b[i]);
            size += b[i] * b[i];
        }

        return size == 0 ? Math.Sqrt(difference) : Math.Sqrt(difference / size);
    }

    /// <summary>Asserts equal types and shapes, and elements that differ by no more than a mixed absolute and relative tolerance.</summary>
    public static void AssertClose(TensorBuffer actual, TensorBuffer expected, double tolerance, string message)
    {
        Assert.That(actual.Type, Is.EqualTo(expected.Type), message);
        if (!actual.ElementType.IsFloat())
        {
            Assert.That(actual.Bytes.SequenceEqual(expected.Bytes), Is.True, () => $"{message}: got [{string.Join(',', ToDoubles(actual).Take(20))}], expected [{string.Join(',', ToDoubles(expected).Take(20))}]");
            return;
        }

        double[] a = ToDoubles(actual);
        double[] b = ToDoubles(expected);
        for (int i = 0; i < a.Length; i++)
        {
            bool same = a[i].Equals(b[i]) || Math.Abs(a[i] - b[i]) <= tolerance * (1 + Math.Abs(b[i]));
            if (!same)
            {
                Assert.Fail($"{message}: element {i} of {actual.Type} is {a[i]:R}, expected {b[i]:R}");
            }
        }
    }

    /// <summary>Asserts elements that differ from expected numbers by no more than a mixed absolute and relative tolerance.</summary>
    public static void AssertNumbersClose(TensorBuffer actual, double[] expected, double tolerance, string message)
    {
        double[] numbers = ToDoubles(actual);
        Assert.That(numbers, Has.Length.EqualTo(expected.Length), message);
        for (int i = 0; i < numbers.Length; i++)
        {
            if (!numbers[i].Equals(expected[i]) && !(Math.Abs(numbers[i] - expected[i]) <= tolerance * (1 + Math.Abs(expected[i]))))
            {
                Assert.Fail($"{message}: element {i} of {actual.Type} is {numbers[i]:R}, expected {expected[i]:R}");
            }
        }
    }

    // The nearest of the two numbers around it that have 8 significant bits; of two that are equally near, the even one. What lies behind the last finite one is infinite.
    private static ushort ToBFloat16(double value)
    {
        if (double.IsNaN(value) || double.IsInfinity(value))
        {
            return (ushort)(BitConverter.SingleToUInt32Bits((float)value) >> 16);
        }

        uint below = BitConverter.SingleToUInt32Bits((float)Math.Abs(value)) >> 16;
        double Number(uint bits) => bits == 0x7F80 ? Math.Pow(2, 128) : BitConverter.UInt32BitsToSingle(bits << 16);
        below = below > 0 && Number(below) > Math.Abs(value) ? below - 1 : below;
        double middle = (Number(below) + Number(Math.Min(below + 1, 0x7F80))) / 2;
        uint bits = Math.Abs(value) > middle || (Math.Abs(value) == middle && below % 2 == 1) ? Math.Min(below + 1, 0x7F80) : below;
        return (ushort)(bits | (double.IsNegative(value) ? 0x8000u : 0));
    }

    private static double[] Convert<T>(TensorBuffer tensor, Func<T, double> convert)
        where T : unmanaged
    {
        double[] result = new double[tensor.Shape.ElementCount];
        ReadOnlySpan<T> span = MemoryMarshal.Cast<byte, T>(tensor.Bytes);
        for (int i = 0; i < result.Length; i++)
        {
            result[i] = convert(span[i]);
        }

        return result;
    }
}
