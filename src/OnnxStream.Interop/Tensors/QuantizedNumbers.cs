using System.Numerics;
using System.Numerics.Tensors;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace OnnxStream.Interop.Tensors;

/// <summary>Reads stored integers and small floats as numbers in single precision, without scale and zero point.</summary>
internal static unsafe class QuantizedNumbers
{
    /// <summary>Whether numbers of a type can be read.</summary>
    public static bool CanRead(ElementType type) => type.IsNarrow() || type is
        ElementType.Float32 or ElementType.Float16 or ElementType.BFloat16 or
        ElementType.UInt8 or ElementType.Int8 or ElementType.UInt16 or ElementType.Int16 or ElementType.Int32;

    /// <summary>The only number of a constant in memory.</summary>
    public static float Read(Constant constant)
    {
        float number = 0;
        Read(constant, 0, new Span<float>(ref number));
        return number;
    }

    /// <summary>Reads a part of a constant, wherever it lies.</summary>
    /// <param name="constant">The constant.</param>
    /// <param name="first">The first element.</param>
    /// <param name="numbers">Receives as many as it has room for.</param>
    /// <exception cref="WeightsException">They cannot be read.</exception>
    public static void Read(Constant constant, long first, Span<float> numbers)
    {
        const int Piece = 1024;
        byte* stored = stackalloc byte[Piece * sizeof(float)];
        Span<byte> elements = stackalloc byte[Piece];
        int each = constant.IsPacked ? constant.StoredType.PerByte() : 1;
        while (numbers.Length > 0)
        {
            // A part of elements that share bytes may begin inside of one.
            int skipped = (int)(first % each);
            int count = Math.Min(Piece - each, numbers.Length);
            if (constant.IsPacked)
            {
                Span<byte> packed = new(stored, (skipped + count + each - 1) / each);
                constant.Read(first / each, packed);
                PackedElements.Unpack(constant.StoredType, packed, elements[..(skipped + count)]);
                elements.Slice(skipped, count).CopyTo(new Span<byte>(stored, count));
            }
            else
            {
                int size = constant.StoredType.SizeOf();
                constant.Read(first * size, new Span<byte>(stored, count * size));
            }

            ToSingle(constant.StoredType, stored, numbers[..count]);
            numbers = numbers[count..];
            first += count;
        }
    }

    /// <summary>Converts elements that have bytes of their own.</summary>
    /// <param name="type">Their type.</param>
    /// <param name="source">The first; need not be aligned.</param>
    /// <param name="numbers">Receives as many as it has room for.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void ToSingle(ElementType type, byte* source, Span<float> numbers)
    {
        switch (type)
        {
            case ElementType.Float32:
                new ReadOnlySpan<byte>(source, numbers.Length * sizeof(float)).CopyTo(MemoryMarshal.AsBytes(numbers));
                break;
            case ElementType.Float16:
                TensorPrimitives.ConvertToSingle(new ReadOnlySpan<Half>(source, numbers.Length), numbers);
                break;
            case ElementType.BFloat16:
                for (int i = 0; i < numbers.Length; i++)
                {
                    numbers[i] = BitConverter.Int32BitsToSingle(((ushort*)source)[i] << 16);
                }

                break;
            case ElementType.UInt8 or ElementType.UInt4 or ElementType.UInt2:
                Bytes(source, numbers);
                break;
            case ElementType.Int8 or ElementType.Int4 or ElementType.Int2:
                SignedBytes((sbyte*)source, numbers);
                break;
            case ElementType.UInt16:
                for (int i = 0; i < numbers.Length; i++)
                {
                    numbers[i] = ((ushort*)source)[i];
                }

                break;
            case ElementType.Int16:
                for (int i = 0; i < numbers.Length; i++)
                {
                    numbers[i] = ((short*)source)[i];
                }

                break;
            case ElementType.Int32:
                for (int i = 0; i < numbers.Length; i++)
                {
                    numbers[i] = ((int*)source)[i];
                }

                break;
            default:
                float[] codes = NarrowFloat.Of(type).Numbers;
                for (int i = 0; i < numbers.Length; i++)
                {
                    numbers[i] = codes[source[i]];
                }

                break;
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Bytes(byte* source, Span<float> numbers)
    {
        int i = 0;
        int quarter = Vector<float>.Count;
        for (; i <= numbers.Length - Vector<byte>.Count; i += Vector<byte>.Count)
        {
            Vector.Widen(Vector.Load(source + i), out Vector<ushort> low, out Vector<ushort> high);
            Vector.Widen(low, out Vector<uint> first, out Vector<uint> second);
            Vector.Widen(high, out Vector<uint> third, out Vector<uint> fourth);
            Vector.ConvertToSingle(Vector.AsVectorInt32(first)).CopyTo(numbers[i..]);
            Vector.ConvertToSingle(Vector.AsVectorInt32(second)).CopyTo(numbers[(i + quarter)..]);
            Vector.ConvertToSingle(Vector.AsVectorInt32(third)).CopyTo(numbers[(i + 2 * quarter)..]);
            Vector.ConvertToSingle(Vector.AsVectorInt32(fourth)).CopyTo(numbers[(i + 3 * quarter)..]);
        }

        for (; i < numbers.Length; i++)
        {
            numbers[i] = source[i];
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void SignedBytes(sbyte* source, Span<float> numbers)
    {
        int i = 0;
        int quarter = Vector<float>.Count;
        for (; i <= numbers.Length - Vector<sbyte>.Count; i += Vector<sbyte>.Count)
        {
            Vector.Widen(Vector.Load(source + i), out Vector<short> low, out Vector<short> high);
            Vector.Widen(low, out Vector<int> first, out Vector<int> second);
            Vector.Widen(high, out Vector<int> third, out Vector<int> fourth);
            Vector.ConvertToSingle(first).CopyTo(numbers[i..]);
            Vector.ConvertToSingle(second).CopyTo(numbers[(i + quarter)..]);
            Vector.ConvertToSingle(third).CopyTo(numbers[(i + 2 * quarter)..]);
            Vector.ConvertToSingle(fourth).CopyTo(numbers[(i + 3 * quarter)..]);
        }

        for (; i < numbers.Length; i++)
        {
            numbers[i] = source[i];
        }
    }
}
