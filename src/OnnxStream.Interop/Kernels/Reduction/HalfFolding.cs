using System.Numerics;
using System.Runtime.CompilerServices;
using OnnxStream.Interop.Tensors;

namespace OnnxStream.Interop.Kernels;

/// <summary>Sums, largest and smallest elements of half precision, without expanding them in memory first.</summary>
internal static unsafe class HalfFolding
{
    // So many numbers are added in single precision before their sum is widened.
    private const int Chunk = 512;

    // A half is a single-precision number if its bits are moved to that one's place and it is multiplied by this.
    private const float ScaleToSingle = 5.19229686e33f; // 2^112
    private const int ShiftedHalf = unchecked((int)0x8fffe000);
    private const short Magnitude = 0x7fff;
    private const short Infinity = 0x7c00;

    /// <summary>The sum of a run, in double precision.</summary>
    public static double Sum(Half* values, long length)
    {
        double sum = 0;
        for (long start = 0; start < length; start += Chunk)
        {
            sum += SumChunk(values + start, (int)Math.Min(Chunk, length - start));
        }

        return sum;
    }

    /// <summary>The largest element of a run, or the smallest; NaN if one is. Which of two zeros it is does not matter.</summary>
    /// <param name="values">The first element.</param>
    /// <param name="length">How many there are, at least 1.</param>
    /// <param name="isMaximum">Whether the largest one is wanted.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static float Extreme(Half* values, long length, bool isMaximum)
    {
        // The greatest order of all, and the greatest magnitude, which tells whether there are elements that are no numbers.
        short flip = isMaximum ? (short)0 : (short)-1;
        short* elements = (short*)values;
        int width = Vector<short>.Count;
        Vector<short> flips = new(flip);
        Vector<short> magnitude = new(Magnitude);
        Vector<short> most0 = new(short.MinValue);
        Vector<short> most1 = most0;
        Vector<short> sizes0 = Vector<short>.Zero;
        Vector<short> sizes1 = Vector<short>.Zero;
        long i = 0;
        for (; i <= length - 2 * width; i += 2 * width)
        {
            Vector<short> first = Vector.Load(elements + i);
            Vector<short> second = Vector.Load(elements + i + width);
            sizes0 = Vector.Max(sizes0, first & magnitude);
            sizes1 = Vector.Max(sizes1, second & magnitude);
            most0 = Vector.Max(most0, first ^ ((first >> 15) & magnitude) ^ flips);
            most1 = Vector.Max(most1, second ^ ((second >> 15) & magnitude) ^ flips);
        }

        short most = VectorFolding.FoldLanes<short, MaximumOperation<short>>(Vector.Max(most0, most1));
        short size = VectorFolding.FoldLanes<short, MaximumOperation<short>>(Vector.Max(sizes0, sizes1));
        for (; i < length; i++)
        {
            most = Math.Max(most, (short)(Order(elements[i]) ^ flip));
            size = Math.Max(size, (short)(elements[i] & Magnitude));
        }

        return size > Infinity ? float.NaN : (float)BitConverter.Int16BitsToHalf(Order((short)(most ^ flip)));
    }

    /// <summary>Takes a row into the extremes of its columns.</summary>
    /// <param name="values">The row.</param>
    /// <param name="orders">For each column, the greatest order so far; <see cref="short.MinValue"/> at first.</param>
    /// <param name="sizes">For each column, the greatest magnitude so far; 0 at first.</param>
    /// <param name="count">The number of columns.</param>
    /// <param name="isMaximum">Whether the largest elements are wanted, or the smallest.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void TakeRow(Half* values, short* orders, short* sizes, int count, bool isMaximum)
    {
        short flip = isMaximum ? (short)0 : (short)-1;
        short* elements = (short*)values;
        int width = Vector<short>.Count;
        Vector<short> flips = new(flip);
        Vector<short> magnitude = new(Magnitude);
        int i = 0;
        for (; i <= count - width; i += width)
        {
            Vector<short> row = Vector.Load(elements + i);
            Vector.Max(Vector.Load(sizes + i), row & magnitude).Store(sizes + i);
            Vector.Max(Vector.Load(orders + i), row ^ ((row >> 15) & magnitude) ^ flips).Store(orders + i);
        }

        for (; i < count; i++)
        {
            orders[i] = Math.Max(orders[i], (short)(Order(elements[i]) ^ flip));
            sizes[i] = Math.Max(sizes[i], (short)(elements[i] & Magnitude));
        }
    }

    /// <summary>The extreme of a column that <see cref="TakeRow"/> has found.</summary>
    public static float Extreme(short order, short size, bool isMaximum) =>
        size > Infinity ? float.NaN : (float)BitConverter.Int16BitsToHalf(Order((short)(order ^ (isMaximum ? 0 : -1))));

    // Orders compare as integers as the numbers do. It is its own inverse.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static short Order(short bits) => (short)(bits ^ ((bits >> 15) & Magnitude));

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static double SumChunk(Half* values, int length)
    {
        short* elements = (short*)values;
        int width = Vector<short>.Count;
        Vector<float> scale = new(ScaleToSingle);
        Vector<int> kept = new(ShiftedHalf);
        Vector<short> magnitude = new(Magnitude);
        Vector<float> sum0 = default, sum1 = default, sum2 = default, sum3 = default;
        Vector<short> sizes = default;
        int i = 0;
        for (; i <= length - 2 * width; i += 2 * width)
        {
            Vector<short> first = Vector.Load(elements + i);
            Vector<short> second = Vector.Load(elements + i + width);
            sizes = Vector.Max(sizes, Vector.Max(first & magnitude, second & magnitude));
            Vector.Widen(first, out Vector<int> low0, out Vector<int> high0);
            Vector.Widen(second, out Vector<int> low1, out Vector<int> high1);
            sum0 = Vector.MultiplyAddEstimate(Vector.AsVectorSingle((low0 << 13) & kept), scale, sum0);
            sum1 = Vector.MultiplyAddEstimate(Vector.AsVectorSingle((high0 << 13) & kept), scale, sum1);
            sum2 = Vector.MultiplyAddEstimate(Vector.AsVectorSingle((low1 << 13) & kept), scale, sum2);
            sum3 = Vector.MultiplyAddEstimate(Vector.AsVectorSingle((high1 << 13) & kept), scale, sum3);
        }

        if (Vector.GreaterThanOrEqualAny(sizes, new Vector<short>(Infinity)))
        {
            return SumExpanded(values, length);
        }

        double sum = Vector.Sum((sum0 + sum1) + (sum2 + sum3));
        for (; i < length; i++)
        {
            sum += (double)values[i];
        }

        return sum;
    }

    // Infinities and what is no number have bits of their own.
    private static double SumExpanded(Half* values, int length)
    {
        float* singles = stackalloc float[Chunk];
        HalfConversion.ToSingle(values, singles, length);
        return WideSums.Sum(singles, length);
    }
}
