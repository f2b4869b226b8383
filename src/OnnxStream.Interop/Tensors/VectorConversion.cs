using System.Numerics;
using System.Runtime.CompilerServices;

namespace OnnxStream.Interop.Tensors;

/// <summary>The conversions of <see cref="ElementConversion"/> that networks use most, vector by vector and without a type in between.</summary>
internal static unsafe class VectorConversion
{
    // Whole numbers below this are exact in double precision.
    private const long FirstInexact = 1L << 53;

    private const float FirstBeyondInt32 = 1L << 31;

    /// <summary>Converts whole blocks of elements.</summary>
    /// <param name="from">The type of the source.</param>
    /// <param name="source">The first source element.</param>
    /// <param name="to">The type of the result.</param>
    /// <param name="destination">Receives the result.</param>
    /// <param name="count">The number of elements.</param>
    /// <returns>How many elements were converted: the rest, or all for other pairs of types, is left.</returns>
    public static long Convert(ElementType from, byte* source, ElementType to, byte* destination, long count)
    {
        // As many elements as a vector has bytes make whole vectors of every type.
        int block = Vector<byte>.Count;
        long end = count - count % block;
        switch (from, to)
        {
            case (ElementType.Float32, ElementType.Float16):
                HalfConversion.FromSingle((float*)source, (Half*)destination, count);
                return count;
            case (ElementType.Float16, ElementType.Float32):
                HalfConversion.ToSingle((Half*)source, (float*)destination, count);
                return count;
            case (ElementType.Float32, ElementType.Float64):
                SingleToDouble((float*)source, (double*)destination, end);
                return end;
            case (ElementType.Float64, ElementType.Float32):
                DoubleToSingle((double*)source, (float*)destination, end);
                return end;
            case (ElementType.Float32, ElementType.BFloat16):
                SingleToBrain((float*)source, (ushort*)destination, end);
                return end;
            case (ElementType.BFloat16, ElementType.Float32):
                BrainToSingle((ushort*)source, (uint*)destination, end);
                return end;
            case (ElementType.Float32, ElementType.Int32):
                SingleToInteger((float*)source, (int*)destination, end);
                return end;
            case (ElementType.Float32, ElementType.Int64):
                SingleToLong((float*)source, (long*)destination, end);
                return end;
            case (ElementType.Float32, ElementType.UInt8 or ElementType.Int8):
                SingleToByte((float*)source, (sbyte*)destination, end);
                return end;
            case (ElementType.Float32, ElementType.Bool):
                SingleToTruth((float*)source, (byte*)destination, end);
                return end;
            case (ElementType.Int32, ElementType.Float32):
                IntegerToSingle((int*)source, (float*)destination, end);
                return end;
            case (ElementType.Int64, ElementType.Float32):
                LongToSingle((long*)source, (float*)destination, end);
                return end;
            case (ElementType.Int64, ElementType.Int32 or ElementType.UInt32):
                LongToInteger((long*)source, (int*)destination, end);
                return end;
            case (ElementType.Int32, ElementType.Int64 or ElementType.UInt64):
                IntegerToLong((int*)source, (long*)destination, end);
                return end;
            case (ElementType.UInt8 or ElementType.Int8 or ElementType.Bool, ElementType.Float32):
                ByteToSingle(source, from, (float*)destination, end);
                return end;
            case (ElementType.UInt8 or ElementType.Int8 or ElementType.Bool, ElementType.Int32):
                ByteToInteger(source, from, (int*)destination, end);
                return end;
            case (ElementType.UInt8 or ElementType.Int8 or ElementType.Bool, ElementType.Int64):
                ByteToLong(source, from, (long*)destination, end);
                return end;
            default:
                return 0;
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void SingleToDouble(float* source, double* destination, long count)
    {
        for (long i = 0; i < count; i += Vector<float>.Count)
        {
            Vector.Widen(Vector.Load(source + i), out Vector<double> low, out Vector<double> high);
            low.Store(destination + i);
            high.Store(destination + i + Vector<double>.Count);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void DoubleToSingle(double* source, float* destination, long count)
    {
        for (long i = 0; i < count; i += Vector<float>.Count)
        {
            Vector.Narrow(Vector.Load(source + i), Vector.Load(source + i + Vector<double>.Count)).Store(destination + i);
        }
    }

    // Rounds to nearest, ties to even; a NaN stays one.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void SingleToBrain(float* source, ushort* destination, long count)
    {
        for (long i = 0; i < count; i += Vector<ushort>.Count)
        {
            Vector.Narrow(ToBrain(Vector.Load(source + i)), ToBrain(Vector.Load(source + i + Vector<float>.Count))).Store(destination + i);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector<uint> ToBrain(Vector<float> number)
    {
        Vector<uint> bits = Vector.AsVectorUInt32(number);
        Vector<uint> rounded = bits + new Vector<uint>(0x7fff) + ((bits >> 16) & Vector<uint>.One);
        Vector<uint> isNumber = Vector.AsVectorUInt32(Vector.Equals(number, number));
        return Vector.ConditionalSelect(isNumber, rounded, bits | new Vector<uint>(0x400000)) >> 16;
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void BrainToSingle(ushort* source, uint* destination, long count)
    {
        for (long i = 0; i < count; i += Vector<ushort>.Count)
        {
            Vector.Widen(Vector.Load(source + i), out Vector<uint> low, out Vector<uint> high);
            (low << 16).Store(destination + i);
            (high << 16).Store(destination + i + Vector<uint>.Count);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void SingleToInteger(float* source, int* destination, long count)
    {
        for (long i = 0; i < count; i += Vector<float>.Count)
        {
            Vector.ConvertToInt32(Vector.Load(source + i)).Store(destination + i);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void SingleToLong(float* source, long* destination, long count)
    {
        for (long i = 0; i < count; i += Vector<float>.Count)
        {
            // Processors before AVX-512 convert to integers of 32 bits only.
            Vector<float> numbers = Vector.Load(source + i);
            if (Vector.LessThanAll(Vector.Abs(numbers), new Vector<float>(FirstBeyondInt32)))
            {
                Store(Vector.ConvertToInt32Native(numbers), destination + i);
                continue;
            }

            Vector.Widen(numbers, out Vector<double> low, out Vector<double> high);
            Vector.ConvertToInt64(low).Store(destination + i);
            Vector.ConvertToInt64(high).Store(destination + i + Vector<long>.Count);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void SingleToByte(float* source, sbyte* destination, long count)
    {
        int width = Vector<float>.Count;
        for (long i = 0; i < count; i += Vector<sbyte>.Count)
        {
            Vector<short> low = Vector.Narrow(Vector.ConvertToInt32(Vector.Load(source + i)), Vector.ConvertToInt32(Vector.Load(source + i + width)));
            Vector<short> high = Vector.Narrow(Vector.ConvertToInt32(Vector.Load(source + i + 2 * width)), Vector.ConvertToInt32(Vector.Load(source + i + 3 * width)));
            Vector.Narrow(low, high).Store(destination + i);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void SingleToTruth(float* source, byte* destination, long count)
    {
        int width = Vector<float>.Count;
        for (long i = 0; i < count; i += Vector<byte>.Count)
        {
            Vector<short> low = Vector.Narrow(Vector.Equals(Vector.Load(source + i), Vector<float>.Zero), Vector.Equals(Vector.Load(source + i + width), Vector<float>.Zero));
            Vector<short> high = Vector.Narrow(Vector.Equals(Vector.Load(source + i + 2 * width), Vector<float>.Zero), Vector.Equals(Vector.Load(source + i + 3 * width), Vector<float>.Zero));
            (Vector.AsVectorByte(Vector.Narrow(low, high)) + Vector<byte>.One).Store(destination + i);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void IntegerToSingle(int* source, float* destination, long count)
    {
        for (long i = 0; i < count; i += Vector<int>.Count)
        {
            Vector.ConvertToSingle(Vector.Load(source + i)).Store(destination + i);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void LongToSingle(long* source, float* destination, long count)
    {
        int width = Vector<long>.Count;
        for (long i = 0; i < count; i += 2 * width)
        {
            Vector<long> low = Vector.Load(source + i);
            Vector<long> high = Vector.Load(source + i + width);
            if (Vector.LessThanAll(Vector.Max(Vector.Abs(low), Vector.Abs(high)), new Vector<long>(FirstInexact)) && !Vector.EqualsAny(low, new Vector<long>(long.MinValue)) && !Vector.EqualsAny(high, new Vector<long>(long.MinValue)))
            {
                Vector.Narrow(Vector.ConvertToDouble(low), Vector.ConvertToDouble(high)).Store(destination + i);
                continue;
            }

            // Rounded once.
            for (int k = 0; k < 2 * width; k++)
            {
                destination[i + k] = source[i + k];
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void LongToInteger(long* source, int* destination, long count)
    {
        for (long i = 0; i < count; i += Vector<int>.Count)
        {
            Vector.Narrow(Vector.Load(source + i), Vector.Load(source + i + Vector<long>.Count)).Store(destination + i);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void IntegerToLong(int* source, long* destination, long count)
    {
        for (long i = 0; i < count; i += Vector<int>.Count)
        {
            Vector.Widen(Vector.Load(source + i), out Vector<long> low, out Vector<long> high);
            low.Store(destination + i);
            high.Store(destination + i + Vector<long>.Count);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void ByteToSingle(byte* source, ElementType from, float* destination, long count)
    {
        for (long i = 0; i < count; i += Vector<byte>.Count)
        {
            Widen(source + i, from, out Vector<int> first, out Vector<int> second, out Vector<int> third, out Vector<int> fourth);
            Vector.ConvertToSingle(first).Store(destination + i);
            Vector.ConvertToSingle(second).Store(destination + i + Vector<float>.Count);
            Vector.ConvertToSingle(third).Store(destination + i + 2 * Vector<float>.Count);
            Vector.ConvertToSingle(fourth).Store(destination + i + 3 * Vector<float>.Count);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void ByteToInteger(byte* source, ElementType from, int* destination, long count)
    {
        for (long i = 0; i < count; i += Vector<byte>.Count)
        {
            Widen(source + i, from, out Vector<int> first, out Vector<int> second, out Vector<int> third, out Vector<int> fourth);
            first.Store(destination + i);
            second.Store(destination + i + Vector<int>.Count);
            third.Store(destination + i + 2 * Vector<int>.Count);
            fourth.Store(destination + i + 3 * Vector<int>.Count);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void ByteToLong(byte* source, ElementType from, long* destination, long count)
    {
        for (long i = 0; i < count; i += Vector<byte>.Count)
        {
            Widen(source + i, from, out Vector<int> first, out Vector<int> second, out Vector<int> third, out Vector<int> fourth);
            Store(first, destination + i);
            Store(second, destination + i + Vector<int>.Count);
            Store(third, destination + i + 2 * Vector<int>.Count);
            Store(fourth, destination + i + 3 * Vector<int>.Count);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Store(Vector<int> integers, long* destination)
    {
        Vector.Widen(integers, out Vector<long> low, out Vector<long> high);
        low.Store(destination);
        high.Store(destination + Vector<long>.Count);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Widen(byte* source, ElementType from, out Vector<int> first, out Vector<int> second, out Vector<int> third, out Vector<int> fourth)
    {
        Vector<byte> bytes = Vector.Load(source);
        if (from == ElementType.Int8)
        {
            Vector.Widen(Vector.AsVectorSByte(bytes), out Vector<short> low, out Vector<short> high);
            Vector.Widen(low, out first, out second);
            Vector.Widen(high, out third, out fourth);
            return;
        }

        bytes = from == ElementType.Bool ? Vector.Min(bytes, Vector<byte>.One) : bytes;
        Vector.Widen(bytes, out Vector<ushort> lower, out Vector<ushort> upper);
        Vector.Widen(lower, out Vector<uint> a, out Vector<uint> b);
        Vector.Widen(upper, out Vector<uint> c, out Vector<uint> d);
        (first, second, third, fourth) = (Vector.AsVectorInt32(a), Vector.AsVectorInt32(b), Vector.AsVectorInt32(c), Vector.AsVectorInt32(d));
    }
}
