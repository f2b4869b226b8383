using System.Numerics;
using System.Numerics.Tensors;
using System.Runtime.CompilerServices;

namespace OnnxStream.Interop.Tensors;

/// <summary>Converts elements to another type, as ONNX's Cast does. https://onnx.ai/onnx/operators/onnx__Cast.html</summary>
/// <remarks>
/// Most types go through the widest of their kind, int64 or double, so that there are not as many conversions as pairs of
/// types (those that networks use most are in <see cref="VectorConversion"/>); double holds every narrower float exactly, hence there is one rounding. Integers wrap around when narrowed. Reals
/// are truncated towards zero; where that does not fit, int32 and wider saturate, and narrower types keep the low bits of
/// the int32, as C compilers do; NaN becomes 0. For integers of 4 and 2 bits they are rounded first, halves to even.
/// </remarks>
internal static unsafe class ElementConversion
{
    private const int Chunk = 256;

    /// <summary>Whether elements of this type are converted.</summary>
    public static bool Supports(ElementType type) => type.IsFloat() || type.IsInteger() || type.IsNarrow() || type == ElementType.Bool;

    /// <summary>Converts elements.</summary>
    /// <param name="from">The type of the source.</param>
    /// <param name="source">The first source element.</param>
    /// <param name="to">The type of the result.</param>
    /// <param name="destination">Receives the result.</param>
    /// <param name="count">The number of elements.</param>
    /// <param name="rounding">How numbers become narrow floats.</param>
    public static void Convert(ElementType from, byte* source, ElementType to, byte* destination, long count, NarrowRounding rounding = default)
    {
        Span<long> integers = stackalloc long[Chunk];
        Span<double> reals = stackalloc double[Chunk];
        for (long start = VectorConversion.Convert(from, source, to, destination, count); start < count; start += Chunk)
        {
            int length = (int)Math.Min(Chunk, count - start);
            byte* input = source + start * from.SizeOf();
            byte* output = destination + start * to.SizeOf();
            if (from.IsFloat() || from.IsNarrowFloat())
            {
                ReadReals(from, input, reals[..length]);
                WriteReals(reals[..length], to, output, rounding);
            }
            else if (to.IsNarrowFloat())
            {
                ReadIntegers(from, input, integers[..length]);
                WriteIntegers(integers[..length], from == ElementType.UInt64, ElementType.Float64, (byte*)Unsafe.AsPointer(ref reals[0]));
                NarrowFloat.Of(to).Round(reals[..length], new Span<byte>(output, length), rounding);
            }
            else
            {
                ReadIntegers(from, input, integers[..length]);
                WriteIntegers(integers[..length], from == ElementType.UInt64, to, output);
            }
        }
    }

    private static void ReadReals(ElementType type, byte* source, Span<double> reals)
    {
        switch (type)
        {
            case ElementType.Float32:
                TensorPrimitives.ConvertTruncating(new ReadOnlySpan<float>(source, reals.Length), reals);
                break;
            case ElementType.Float64:
                new ReadOnlySpan<double>(source, reals.Length).CopyTo(reals);
                break;
            case ElementType.Float16:
                for (int i = 0; i < reals.Length; i++)
                {
                    reals[i] = (double)((Half*)source)[i];
                }

                break;
            case ElementType.BFloat16:
                for (int i = 0; i < reals.Length; i++)
                {
                    reals[i] = BitConverter.Int32BitsToSingle(((ushort*)source)[i] << 16);
                }

                break;
            default:
                LookUp(NarrowFloat.Of(type).Numbers, source, reals);
                break;
        }
    }

    private static void WriteReals(ReadOnlySpan<double> reals, ElementType type, byte* destination, NarrowRounding rounding)
    {
        switch (type)
        {
            case ElementType.Float32:
                TensorPrimitives.ConvertTruncating(reals, new Span<float>(destination, reals.Length));
                break;
            case ElementType.Float64:
                reals.CopyTo(new Span<double>(destination, reals.Length));
                break;
            case ElementType.Float16:
                for (int i = 0; i < reals.Length; i++)
                {
                    ((Half*)destination)[i] = (Half)reals[i];
                }

                break;
            case ElementType.BFloat16:
                for (int i = 0; i < reals.Length; i++)
                {
                    ((ushort*)destination)[i] = ToBFloat16(ToOdd(reals[i]));
                }

                break;
            case ElementType.Bool:
                for (int i = 0; i < reals.Length; i++)
                {
                    destination[i] = reals[i] != 0 ? (byte)1 : (byte)0;
                }

                break;
            case ElementType.Int32:
                Saturate<int>(reals, destination);
                break;
            case ElementType.Int64:
                Saturate<long>(reals, destination);
                break;
            case ElementType.UInt32:
                Saturate<uint>(reals, destination);
                break;
            case ElementType.UInt64:
                Saturate<ulong>(reals, destination);
                break;
            case var _ when type.IsNarrowFloat():
                NarrowFloat.Of(type).Round(reals, new Span<byte>(destination, reals.Length), rounding);
                break;
            case var _ when type.IsNarrowInteger():
                for (int i = 0; i < reals.Length; i++)
                {
                    destination[i] = PackedElements.LowBits(type, int.CreateSaturating(Math.Round(reals[i])));
                }

                break;
            default:
                if (type.SizeOf() == 1)
                {
                    Wrap<byte>(reals, destination);
                }
                else
                {
                    Wrap<ushort>(reals, destination);
                }

                break;
        }
    }

    private static void ReadIntegers(ElementType type, byte* source, Span<long> integers)
    {
        switch (type)
        {
            case ElementType.Int64 or ElementType.UInt64:
                new ReadOnlySpan<long>(source, integers.Length).CopyTo(integers);
                break;
            case ElementType.Int32:
                Widen<int>(source, integers);
                break;
            case ElementType.UInt32:
                Widen<uint>(source, integers);
                break;
            case ElementType.Int16:
                Widen<short>(source, integers);
                break;
            case ElementType.UInt16:
                Widen<ushort>(source, integers);
                break;
            case ElementType.Int8 or ElementType.Int4 or ElementType.Int2:
                Widen<sbyte>(source, integers);
                break;
            case ElementType.Bool:
                for (int i = 0; i < integers.Length; i++)
                {
                    integers[i] = source[i] != 0 ? 1 : 0;
                }

                break;
            default:
                Widen<byte>(source, integers);
                break;
        }
    }

    private static void WriteIntegers(ReadOnlySpan<long> integers, bool isUnsigned, ElementType type, byte* destination)
    {
        switch (type)
        {
            case ElementType.Float32:
                for (int i = 0; i < integers.Length; i++)
                {
                    ((float*)destination)[i] = isUnsigned ? (ulong)integers[i] : integers[i];
                }

                break;
            case ElementType.Float64:
                for (int i = 0; i < integers.Length; i++)
                {
                    ((double*)destination)[i] = isUnsigned ? (ulong)integers[i] : integers[i];
                }

                break;
            case ElementType.Float16:
                for (int i = 0; i < integers.Length; i++)
                {
                    ((Half*)destination)[i] = (Half)(isUnsigned ? (ulong)integers[i] : (float)integers[i]);
                }

                break;
            case ElementType.BFloat16:
                for (int i = 0; i < integers.Length; i++)
                {
                    ((ushort*)destination)[i] = ToBFloat16(isUnsigned ? (ulong)integers[i] : (float)integers[i]);
                }

                break;
            case ElementType.Bool:
                for (int i = 0; i < integers.Length; i++)
                {
                    destination[i] = integers[i] != 0 ? (byte)1 : (byte)0;
                }

                break;
            case var _ when type.IsNarrowInteger():
                for (int i = 0; i < integers.Length; i++)
                {
                    destination[i] = PackedElements.LowBits(type, (int)integers[i]);
                }

                break;
            default:
                switch (type.SizeOf())
                {
                    case 1:
                        Narrow<byte>(integers, destination);
                        break;
                    case 2:
                        Narrow<ushort>(integers, destination);
                        break;
                    case 4:
                        Narrow<uint>(integers, destination);
                        break;
                    default:
                        integers.CopyTo(new Span<long>(destination, integers.Length));
                        break;
                }

                break;
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void LookUp(float[] numbers, byte* codes, Span<double> reals)
    {
        for (int i = 0; i < reals.Length; i++)
        {
            reals[i] = numbers[codes[i]];
        }
    }

    private static void Widen<T>(byte* source, Span<long> integers)
        where T : unmanaged, INumber<T> => TensorPrimitives.ConvertTruncating(new ReadOnlySpan<T>(source, integers.Length), integers);

    private static void Narrow<T>(ReadOnlySpan<long> integers, byte* destination)
        where T : unmanaged, INumber<T> => TensorPrimitives.ConvertTruncating(integers, new Span<T>(destination, integers.Length));

    private static void Saturate<T>(ReadOnlySpan<double> reals, byte* destination)
        where T : unmanaged, INumber<T> => TensorPrimitives.ConvertSaturating(reals, new Span<T>(destination, reals.Length));

    private static void Wrap<T>(ReadOnlySpan<double> reals, byte* destination)
        where T : unmanaged, INumber<T>
    {
        for (int i = 0; i < reals.Length; i++)
        {
            ((T*)destination)[i] = T.CreateTruncating(int.CreateSaturating(reals[i]));
        }
    }

    // The single-precision number next to another one towards zero, with its last bit set: rounding it again is as if it had been rounded once.
    private static float ToOdd(double value)
    {
        float nearest = (float)value;
        if (nearest == value || double.IsNaN(value) || double.IsInfinity(value))
        {
            return nearest;
        }

        uint bits = BitConverter.SingleToUInt32Bits(nearest);
        return BitConverter.UInt32BitsToSingle((Math.Abs(nearest) > Math.Abs(value) ? bits - 1 : bits) | 1);
    }

    // Rounds to nearest, ties to even; a NaN stays one.
    private static ushort ToBFloat16(float value)
    {
        uint bits = BitConverter.SingleToUInt32Bits(value);
        return float.IsNaN(value) ? (ushort)((bits >> 16) | 0x40) : (ushort)((bits + 0x7FFF + ((bits >> 16) & 1)) >> 16);
    }
}
