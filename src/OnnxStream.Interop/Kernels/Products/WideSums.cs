using System.Numerics;
using System.Runtime.CompilerServices;

namespace OnnxStream.Interop.Kernels;

/// <summary>Sums of single-precision numbers, made in double precision without widening them in memory first.</summary>
internal static unsafe class WideSums
{
    /// <summary>The sum of a run.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static double Sum(float* values, long length)
    {
        int width = Vector<float>.Count;
        Vector<double> sum0 = default, sum1 = default, sum2 = default, sum3 = default;
        long i = 0;
        for (; i + 2 * width <= length; i += 2 * width)
        {
            Vector.Widen(Vector.Load(values + i), out Vector<double> low0, out Vector<double> high0);
            Vector.Widen(Vector.Load(values + i + width), out Vector<double> low1, out Vector<double> high1);
            sum0 += low0;
            sum1 += high0;
            sum2 += low1;
            sum3 += high1;
        }

        double sum = Vector.Sum((sum0 + sum1) + (sum2 + sum3));
        for (; i < length; i++)
        {
            sum += values[i];
        }

        return sum;
    }

    /// <summary>The sum of the magnitudes of a run, or of its squares.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static double SumOfPowers(float* values, long length, bool areSquares)
    {
        int width = Vector<float>.Count;
        Vector<double> sum0 = default, sum1 = default, sum2 = default, sum3 = default;
        long i = 0;
        for (; i + 2 * width <= length; i += 2 * width)
        {
            Vector.Widen(Vector.Load(values + i), out Vector<double> low0, out Vector<double> high0);
            Vector.Widen(Vector.Load(values + i + width), out Vector<double> low1, out Vector<double> high1);
            if (areSquares)
            {
                sum0 += low0 * low0;
                sum1 += high0 * high0;
                sum2 += low1 * low1;
                sum3 += high1 * high1;
            }
            else
            {
                sum0 += Vector.Abs(low0);
                sum1 += Vector.Abs(high0);
                sum2 += Vector.Abs(low1);
                sum3 += Vector.Abs(high1);
            }
        }

        double sum = Vector.Sum((sum0 + sum1) + (sum2 + sum3));
        for (; i < length; i++)
        {
            double value = values[i];
            sum += areSquares ? value * value : Math.Abs(value);
        }

        return sum;
    }

    /// <summary>Multiplies a run by a number; input and output may be the same memory.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Scale(float* values, float* results, long length, double factor)
    {
        int width = Vector<float>.Count;
        Vector<double> factors = new(factor);
        long i = 0;
        for (; i + width <= length; i += width)
        {
            Vector.Widen(Vector.Load(values + i), out Vector<double> low, out Vector<double> high);
            Vector.Narrow(low * factors, high * factors).Store(results + i);
        }

        for (; i < length; i++)
        {
            results[i] = (float)(values[i] * factor);
        }
    }

    /// <summary>Adds a row of numbers to as many sums.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Add(double* sums, float* values, long length)
    {
        int width = Vector<float>.Count;
        long i = 0;
        for (; i + width <= length; i += width)
        {
            Vector.Widen(Vector.Load(values + i), out Vector<double> low, out Vector<double> high);
            (Vector.Load(sums + i) + low).Store(sums + i);
            (Vector.Load(sums + i + width / 2) + high).Store(sums + i + width / 2);
        }

        for (; i < length; i++)
        {
            sums[i] += values[i];
        }
    }

    /// <summary>The most rows that <see cref="AddRows"/> takes at a time.</summary>
    public const int MostRows = 8;

    /// <summary>Adds rows of numbers to as many sums: in single precision to each other first, and where that is not finite, one by one.</summary>
    /// <param name="sums">The sums.</param>
    /// <param name="rows">The first numbers of <see cref="MostRows"/> rows.</param>
    /// <param name="length">How many numbers a row has.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void AddRows(double* sums, float** rows, long length)
    {
        float* row0 = rows[0], row1 = rows[1], row2 = rows[2], row3 = rows[3], row4 = rows[4], row5 = rows[5], row6 = rows[6], row7 = rows[7];
        int width = Vector<float>.Count;
        long i = 0;
        for (; i + width <= length; i += width)
        {
            Vector<float> sum = ((Vector.Load(row0 + i) + Vector.Load(row1 + i)) + (Vector.Load(row2 + i) + Vector.Load(row3 + i))) +
                ((Vector.Load(row4 + i) + Vector.Load(row5 + i)) + (Vector.Load(row6 + i) + Vector.Load(row7 + i)));
            if (!Vector.LessThanOrEqualAll(Vector.Abs(sum), new Vector<float>(float.MaxValue)))
            {
                AddEach(sums, rows, i, i + width);
                continue;
            }

            Vector.Widen(sum, out Vector<double> low, out Vector<double> high);
            (Vector.Load(sums + i) + low).Store(sums + i);
            (Vector.Load(sums + i + width / 2) + high).Store(sums + i + width / 2);
        }

        AddEach(sums, rows, i, length);
    }

    private static void AddEach(double* sums, float** rows, long first, long end)
    {
        for (long i = first; i < end; i++)
        {
            for (int row = 0; row < MostRows; row++)
            {
                sums[i] += rows[row][i];
            }
        }
    }
}
