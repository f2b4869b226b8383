using System.Numerics.Tensors;
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

    // Rows that are measured together, and about how many numbers they have.
    private const int MostRows = 64;
    private const long BlockNumbers = 4096;

    /// <summary>Computes rows that lie behind each other; input and output may be the same memory.</summary>
    /// <param name="input">The first number.</param>
    /// <param name="output">Receives the results.</param>
    /// <param name="rows">How many rows there are.</param>
    /// <param name="length">How many numbers a row has, at least 1.</param>
    /// <param name="isLogarithm">Whether logarithms are wanted.</param>
    public static void Rows(float* input, float* output, long rows, long length, bool isLogarithm)
    {
        if (Vector512.IsHardwareAccelerated)
        {
            Rows<FloatVector512>(input, output, rows, length, isLogarithm);
        }
        else
        {
            Rows<FloatVector>(input, output, rows, length, isLogarithm);
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

    // Short rows are measured together, so that all their logarithms are made at once.
    private static void Rows<V>(float* input, float* output, long rows, long length, bool isLogarithm)
        where V : unmanaged, IFloatVector<V>
    {
        float* greatest = stackalloc float[MostRows];
        double* sums = stackalloc double[MostRows];
        long block = Math.Clamp(BlockNumbers / length, 1, MostRows);
        for (long first = 0; first < rows; first += block)
        {
            int count = (int)Math.Min(block, rows - first);
            for (int row = 0; row < count; row++)
            {
                long start = (first + row) * length;
                (greatest[row], sums[row]) = Measure<V>(input + start, output + start, length, isLogarithm);
            }

            if (isLogarithm)
            {
                Span<double> logarithms = new(sums, count);
                TensorPrimitives.Log(logarithms, logarithms);
            }

            for (int row = 0; row < count; row++)
            {
                long start = (first + row) * length;
                if (isLogarithm)
                {
                    Subtract<V>(input + start, output + start, length, greatest[row], (float)sums[row]);
                }
                else
                {
                    Scale<V>(output + start, length, (float)(1 / sums[row]));
                }
            }
        }
    }

    // The largest number, and the sum of the exponentials, which are written unless logarithms are wanted.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static (float Greatest, double Sum) Measure<V>(float* input, float* output, long length, bool isLogarithm)
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

        float greatest = V.Greatest(most);
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

            sum += V.Sum(part);
        }

        if (whole < length)
        {
            V power = VectorFunctions.Exp(Load<V>(rest) - maximum);
            sum += V.Sum(power);
            if (!isLogarithm)
            {
                Store(power, rest);
                new ReadOnlySpan<float>(rest, (int)(length - whole)).CopyTo(new Span<float>(output + whole, (int)(length - whole)));
            }
        }

        return (greatest, sum);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Subtract<V>(float* input, float* output, long length, float greatest, float logarithm)
        where V : unmanaged, IFloatVector<V>
    {
        V maximum = V.Create(greatest);
        V subtracted = V.Create(logarithm);
        long i = 0;
        for (; i <= length - V.Count; i += V.Count)
        {
            Store(Load<V>(input + i) - maximum - subtracted, output + i);
        }

        for (; i < length; i++)
        {
            output[i] = input[i] - greatest - logarithm;
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Scale<V>(float* values, long length, float factor)
        where V : unmanaged, IFloatVector<V>
    {
        V factors = V.Create(factor);
        long i = 0;
        for (; i <= length - V.Count; i += V.Count)
        {
            Store(Load<V>(values + i) * factors, values + i);
        }

        for (; i < length; i++)
        {
            values[i] *= factor;
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
}
