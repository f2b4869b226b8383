using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace OnnxStream.Interop.Kernels;

/// <summary>Softmax of rows of single-precision numbers that lie in one run.</summary>
/// <remarks>
/// The largest element is subtracted first, so that no exponential overflows, however far apart the elements are. Sums of some thousand
/// exponentials are single precision, sums of those double. A row with NaN or infinity, or of nothing but -infinity, becomes NaN.
/// </remarks>
internal sealed unsafe class SingleSoftmaxKernel(long rows, long length) : RowKernel(rows, length * sizeof(float))
{
    private const int Chunk = 4096;

    /// <summary>Whether a row of nothing but -infinity becomes zeros; otherwise NaN.</summary>
    public bool EmptyRowsAreZero { get; init; }

    /// <inheritdoc/>
    public override string Name => "softmax";

    /// <inheritdoc/>
    public override bool CanRunInPlace(int input) => true;

    /// <inheritdoc/>
    protected override void ComputeRows(KernelContext context, long first, long end)
    {
        for (long row = first; row < end; row++)
        {
            float* input = (float*)context.Input(0) + row * length;
            float* output = (float*)context.Output(0) + row * length;
            float maximum = float.NegativeInfinity;
            for (long start = 0; start < length; start += Chunk)
            {
                maximum = Maximum(input + start, (int)Math.Min(Chunk, length - start), maximum);
            }

            if (EmptyRowsAreZero && float.IsNegativeInfinity(maximum) && !HasNaN(input))
            {
                new Span<float>(output, checked((int)length)).Clear();
                continue;
            }

            double sum = 0;
            for (long start = 0; start < length; start += Chunk)
            {
                sum += Exponentials(input + start, output + start, (int)Math.Min(Chunk, length - start), maximum);
            }

            Scale(output, length, (float)(1 / sum));
        }
    }

    private bool HasNaN(float* input)
    {
        for (long i = 0; i < length; i++)
        {
            if (float.IsNaN(input[i]))
            {
                return true;
            }
        }

        return false;
    }

    // What is no number makes the sum of exponentials none, so it does not matter here. Like the loops below, this is compiled for speed before its
    // first call: a plan may run only a few times.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static float Maximum(float* values, int count, float maximum)
    {
        int i = 0;
        if (Vector512.IsHardwareAccelerated)
        {
            Vector512<float> most0 = Vector512.Create(maximum);
            Vector512<float> most1 = most0;
            for (; i <= count - 2 * Vector512<float>.Count; i += 2 * Vector512<float>.Count)
            {
                most0 = Vector512.MaxNative(Vector512.Load(values + i), most0);
                most1 = Vector512.MaxNative(Vector512.Load(values + i + Vector512<float>.Count), most1);
            }

            for (; i <= count - Vector512<float>.Count; i += Vector512<float>.Count)
            {
                most0 = Vector512.MaxNative(Vector512.Load(values + i), most0);
            }

            most0 = Vector512.MaxNative(most0, most1);
            maximum = Largest(Vector256.MaxNative(most0.GetLower(), most0.GetUpper()));
        }

        if (i <= count - Vector<float>.Count)
        {
            Vector<float> most = new(maximum);
            for (; i <= count - Vector<float>.Count; i += Vector<float>.Count)
            {
                most = Vector.MaxNative(Vector.Load(values + i), most);
            }

            if (Vector<float>.Count == Vector256<float>.Count)
            {
                maximum = Largest(most.AsVector256());
            }
            else
            {
                for (int lane = 0; lane < Vector<float>.Count; lane++)
                {
                    maximum = most[lane] > maximum ? most[lane] : maximum;
                }
            }
        }

        for (; i < count; i++)
        {
            maximum = values[i] > maximum ? values[i] : maximum;
        }

        return maximum;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static float Largest(Vector256<float> values)
    {
        Vector128<float> most = Vector128.MaxNative(values.GetLower(), values.GetUpper());
        most = Vector128.MaxNative(most, Vector128.Shuffle(most, Vector128.Create(2, 3, 0, 1)));
        most = Vector128.MaxNative(most, Vector128.Shuffle(most, Vector128.Create(1, 0, 3, 2)));
        return most.ToScalar();
    }

    // Writes e^(value - maximum) and returns the sum.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static float Exponentials(float* values, float* results, int count, float maximum)
    {
        int i = 0;
        float sum = 0;
        if (Vector512.IsHardwareAccelerated)
        {
            Vector512<float> shift = Vector512.Create(maximum);
            Vector512<float> sums = default;
            for (; i <= count - Vector512<float>.Count; i += Vector512<float>.Count)
            {
                Vector512<float> e = VectorMath.Exp(Vector512.Load(values + i) - shift);
                sums += e;
                e.Store(results + i);
            }

            sum = Vector512.Sum(sums);
        }

        if (i == count)
        {
            return sum;
        }

        Vector<float> shifts = new(maximum);
        Vector<float> total = default;
        for (; i <= count - Vector<float>.Count; i += Vector<float>.Count)
        {
            Vector<float> e = VectorMath.Exp(Vector.Load(values + i) - shifts);
            total += e;
            e.Store(results + i);
        }

        if (i < count)
        {
            // Elements behind the end add nothing.
            Span<float> rest = stackalloc float[Vector<float>.Count];
            rest.Fill(float.NegativeInfinity);
            for (int k = i; k < count; k++)
            {
                rest[k - i] = values[k] - maximum;
            }

            Vector<float> e = VectorMath.Exp(new Vector<float>(rest));
            total += e;
            e.CopyTo(rest);
            rest[..(count - i)].CopyTo(new Span<float>(results + i, count - i));
        }

        return sum + Vector.Sum(total);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Scale(float* values, long count, float factor)
    {
        long i = 0;
        if (Vector512.IsHardwareAccelerated)
        {
            Vector512<float> factors = Vector512.Create(factor);
            for (; i <= count - Vector512<float>.Count; i += Vector512<float>.Count)
            {
                (Vector512.Load(values + i) * factors).Store(values + i);
            }
        }

        for (; i <= count - Vector<float>.Count; i += Vector<float>.Count)
        {
            (Vector.Load(values + i) * factor).Store(values + i);
        }

        for (; i < count; i++)
        {
            values[i] *= factor;
        }
    }
}
