using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace OnnxStream.Interop.Kernels;

/// <summary>Softmax and its logarithm of single-precision numbers, vector by vector. The largest number is subtracted first; sums of many are made in double precision.</summary>
internal static unsafe class SoftmaxLoops
{
    /// <summary>Columns that are computed side by side at most; a multiple of every vector's length.</summary>
    public const int MostColumns = 256;

    // So many numbers are added in single precision before their sum is widened.
    private const int Chunk = 512;

    /// <summary>Computes a row; input and output may be the same memory.</summary>
    /// <param name="input">The first number.</param>
    /// <param name="output">Receives the results.</param>
    /// <param name="length">How many there are, at least 1.</param>
    /// <param name="isLogarithm">Whether logarithms are wanted.</param>
    public static void Row(float* input, float* output, long length, bool isLogarithm)
    {
        if (Vector512.IsHardwareAccelerated)
        {
            Row<FloatVector512>(input, output, length, isLogarithm);
        }
        else
        {
            Row<FloatVector>(input, output, length, isLogarithm);
        }
    }

    /// <summary>Computes neighbouring columns; input and output may be the same memory.</summary>
    /// <param name="input">The first number of the first column.</param>
    /// <param name="output">Receives the results.</param>
    /// <param name="length">How many numbers a column has.</param>
    /// <param name="stride">Numbers from one row to the next.</param>
    /// <param name="columns">How many columns, a multiple of 16 and at most <see cref="MostColumns"/>.</param>
    /// <param name="isLogarithm">Whether logarithms are wanted.</param>
    public static void Columns(float* input, float* output, long length, long stride, int columns, bool isLogarithm)
    {
        if (Vector512.IsHardwareAccelerated)
        {
            Columns<FloatVector512>(input, output, length, stride, columns, isLogarithm);
        }
        else
        {
            Columns<FloatVector>(input, output, length, stride, columns, isLogarithm);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Row<V>(float* input, float* output, long length, bool isLogarithm)
        where V : unmanaged, IFloatVector<V>
    {
        long whole = length - length % V.Count;

        // What is missing at the end adds nothing to the sum.
        float* rest = stackalloc float[V.Count];
        V most = V.Create(float.NegativeInfinity);
        if (whole < length)
        {
            new Span<float>(rest, V.Count).Fill(float.NegativeInfinity);
            new ReadOnlySpan<float>(input + whole, (int)(length - whole)).CopyTo(new Span<float>(rest, V.Count));
            most = V.MaxNative(Load<V>(rest), most);
        }

        for (long i = 0; i < whole; i += V.Count)
        {
            most = V.MaxNative(Load<V>(input + i), most);
        }

        float greatest = float.NegativeInfinity;
        float* lanes = stackalloc float[V.Count];
        Store(most, lanes);
        for (int i = 0; i < V.Count; i++)
        {
            greatest = Math.Max(greatest, lanes[i]);
        }

        V maximum = V.Create(greatest);
        double sum = 0;
        for (long start = 0; start < whole; start += Chunk)
        {
            V part = V.Create(0);
            long end = Math.Min(start + Chunk, whole);
            for (long i = start; i < end; i += V.Count)
            {
                V power = VectorFunctions.Exp(Load<V>(input + i) - maximum);
                part += power;
                if (!isLogarithm)
                {
                    Store(power, output + i);
                }
            }

            sum += Sum(part, lanes);
        }

        if (whole < length)
        {
            V power = VectorFunctions.Exp(Load<V>(rest) - maximum);
            sum += Sum(power, lanes);
            if (!isLogarithm)
            {
                new ReadOnlySpan<float>(lanes, (int)(length - whole)).CopyTo(new Span<float>(output + whole, (int)(length - whole)));
            }
        }

        if (isLogarithm)
        {
            float logarithm = (float)Math.Log(sum);
            V subtracted = V.Create(logarithm);
            for (long i = 0; i < whole; i += V.Count)
            {
                Store(Load<V>(input + i) - maximum - subtracted, output + i);
            }

            for (long i = whole; i < length; i++)
            {
                output[i] = input[i] - greatest - logarithm;
            }

            return;
        }

        float factor = (float)(1 / sum);
        V factors = V.Create(factor);
        for (long i = 0; i < whole; i += V.Count)
        {
            Store(Load<V>(output + i) * factors, output + i);
        }

        for (long i = whole; i < length; i++)
        {
            output[i] *= factor;
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Columns<V>(float* input, float* output, long length, long stride, int columns, bool isLogarithm)
        where V : unmanaged, IFloatVector<V>
    {
        float* maximum = stackalloc float[MostColumns];
        float* part = stackalloc float[MostColumns];
        double* sum = stackalloc double[MostColumns];
        new Span<float>(maximum, columns).Fill(float.NegativeInfinity);
        new Span<double>(sum, columns).Clear();
        for (long i = 0; i < length; i++)
        {
            for (int k = 0; k < columns; k += V.Count)
            {
                Store(V.MaxNative(Load<V>(input + i * stride + k), Load<V>(maximum + k)), maximum + k);
            }
        }

        for (long start = 0; start < length; start += Chunk)
        {
            new Span<float>(part, columns).Clear();
            long end = Math.Min(start + Chunk, length);
            for (long i = start; i < end; i++)
            {
                for (int k = 0; k < columns; k += V.Count)
                {
                    V power = VectorFunctions.Exp(Load<V>(input + i * stride + k) - Load<V>(maximum + k));
                    Store(Load<V>(part + k) + power, part + k);
                    if (!isLogarithm)
                    {
                        Store(power, output + i * stride + k);
                    }
                }
            }

            for (int k = 0; k < columns; k++)
            {
                sum[k] += part[k];
            }
        }

        // From here on the factor, or what is subtracted.
        for (int k = 0; k < columns; k++)
        {
            part[k] = (float)(isLogarithm ? Math.Log(sum[k]) : 1 / sum[k]);
        }

        for (long i = 0; i < length; i++)
        {
            for (int k = 0; k < columns; k += V.Count)
            {
                float* target = output + i * stride + k;
                Store(isLogarithm ? Load<V>(input + i * stride + k) - Load<V>(maximum + k) - Load<V>(part + k) : Load<V>(target) * Load<V>(part + k), target);
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static V Load<V>(float* source)
        where V : unmanaged, IFloatVector<V> => V.Load(ref *source, 0);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Store<V>(V value, float* target)
        where V : unmanaged, IFloatVector<V> => value.Store(ref *target, 0);

    // Leaves the lanes in memory.
    private static double Sum<V>(V value, float* lanes)
        where V : unmanaged, IFloatVector<V>
    {
        Store(value, lanes);
        double sum = 0;
        for (int i = 0; i < V.Count; i++)
        {
            sum += lanes[i];
        }

        return sum;
    }
}
