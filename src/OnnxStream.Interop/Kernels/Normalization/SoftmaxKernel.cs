using System.Numerics;
using System.Numerics.Tensors;
using OnnxStream.Interop.Tensors;

namespace OnnxStream.Interop.Kernels;

/// <summary>Softmax, its logarithm, or the position of the maximum as ones and zeros, of rows that lie in one run.</summary>
/// <remarks>The largest element is subtracted before the exponential, so that none overflows; sums are made in double precision.</remarks>
internal sealed unsafe class SoftmaxKernel<T, TCompute>(SoftmaxFunction function, long rows, long length) : RowKernel(rows, length * sizeof(T))
    where T : unmanaged, INumber<T>
    where TCompute : unmanaged, IFloatingPointIeee754<TCompute>
{
    private const int Chunk = 512;

    /// <summary>Whether a row of nothing but -infinity becomes zeros; otherwise NaN.</summary>
    public bool EmptyRowsAreZero { get; init; }

    /// <inheritdoc/>
    public override string Name => "softmax";

    /// <inheritdoc/>
    public override bool CanRunInPlace(int input) => true;

    /// <inheritdoc/>
    protected override void ComputeRows(KernelContext context, long first, long end)
    {
        for (long row = first; row < end && length > 0; row++)
        {
            T* input = (T*)context.Input(0) + row * length;
            T* output = (T*)context.Output(0) + row * length;
            T maximum = typeof(T) == typeof(Half)
                ? T.CreateTruncating(HalfFolding.Extreme((Half*)input, length, isMaximum: true))
                : TensorPrimitives.Max(new ReadOnlySpan<T>(input, checked((int)length)));
            long position = function == SoftmaxFunction.Hardmax ? VectorSearch.IndexOf(input, length, maximum) : 0;
            if (position < 0)
            {
                (maximum, position) = GreatestNumber(input);
            }

            if (function == SoftmaxFunction.Hardmax)
            {
                for (long i = 0; i < length; i++)
                {
                    output[i] = i == position ? T.One : T.Zero;
                }
            }
            else if (EmptyRowsAreZero && TCompute.IsNegativeInfinity(TCompute.CreateTruncating(maximum)))
            {
                new Span<T>(output, checked((int)length)).Clear();
            }
            else
            {
                Normalize(input, output, TCompute.CreateTruncating(maximum));
            }
        }
    }

    // Where some are none: the first of those counts as the greatest.
    private (T Maximum, long Position) GreatestNumber(T* input)
    {
        T maximum = input[0];
        long position = 0;
        for (long i = 1; i < length; i++)
        {
            if (input[i] > maximum || (T.IsNaN(input[i]) && !T.IsNaN(maximum)))
            {
                maximum = input[i];
                position = i;
            }
        }

        return (maximum, position);
    }

    private void Normalize(T* input, T* output, TCompute maximum)
    {
        Span<TCompute> buffer = stackalloc TCompute[Chunk];
        double sum = 0;
        for (long start = 0; start < length; start += Chunk)
        {
            Span<TCompute> values = Exponentials(input + start, (int)Math.Min(Chunk, length - start), maximum, buffer);
            sum += double.CreateTruncating(TensorPrimitives.Sum<TCompute>(values));
        }

        for (long start = 0; start < length; start += Chunk)
        {
            int count = (int)Math.Min(Chunk, length - start);
            Span<TCompute> values = buffer[..count];
            if (function == SoftmaxFunction.LogSoftmax)
            {
                Load(input + start, values);
                TensorPrimitives.Subtract(values, maximum, values);
                TensorPrimitives.Subtract(values, TCompute.CreateTruncating(Math.Log(sum)), values);
            }
            else
            {
                Exponentials(input + start, count, maximum, buffer);
                TensorPrimitives.Multiply(values, TCompute.CreateTruncating(1 / sum), values);
            }

            Store(values, output + start);
        }
    }

    private static void Load(T* source, Span<TCompute> values)
    {
        if (typeof(T) == typeof(Half) && typeof(TCompute) == typeof(float))
        {
            fixed (TCompute* target = values)
            {
                HalfConversion.ToSingle((Half*)source, (float*)target, values.Length);
            }

            return;
        }

        TensorPrimitives.ConvertTruncating(new ReadOnlySpan<T>(source, values.Length), values);
    }

    private static void Store(ReadOnlySpan<TCompute> values, T* target)
    {
        if (typeof(T) == typeof(Half) && typeof(TCompute) == typeof(float))
        {
            fixed (TCompute* source = values)
            {
                HalfConversion.FromSingle((float*)source, (Half*)target, values.Length);
            }

            return;
        }

        TensorPrimitives.ConvertTruncating<TCompute, T>(values, new Span<T>(target, values.Length));
    }

    private static Span<TCompute> Exponentials(T* input, int count, TCompute maximum, Span<TCompute> buffer)
    {
        Span<TCompute> values = buffer[..count];
        Load(input, values);
        TensorPrimitives.Subtract(values, maximum, values);
        TensorPrimitives.Exp(values, values);
        return values;
    }
}
