using System.Numerics;
using System.Numerics.Tensors;

namespace OnnxStream.Interop.Kernels;

/// <summary>x / (bias + alpha / size * sum of squares over neighbouring channels) ^ beta, for [N, C, space].</summary>
/// <param name="rows">Items times channels.</param>
/// <param name="channels">The number of channels.</param>
/// <param name="space">The number of elements in a channel.</param>
/// <param name="size">The number of neighbouring channels.</param>
/// <param name="alpha">The factor of the sum.</param>
/// <param name="beta">The exponent.</param>
/// <param name="bias">What is added to the sum.</param>
/// <remarks>Where squares leave the range of <typeparamref name="TCompute"/>, elements are computed one by one in double precision.</remarks>
internal sealed unsafe class LocalResponseKernel<T, TCompute>(long rows, long channels, long space, long size, double alpha, double beta, double bias) : RowKernel(rows, space * sizeof(T) * Math.Min(size, channels))
    where T : unmanaged, INumber<T>
    where TCompute : unmanaged, IFloatingPointIeee754<TCompute>
{
    private const int Chunk = 512;

    /// <inheritdoc/>
    public override string Name => "local response normalization";

    /// <inheritdoc/>
    protected override void ComputeRows(KernelContext context, long first, long end)
    {
        Span<TCompute> buffer = stackalloc TCompute[Chunk];
        Span<TCompute> sumBuffer = stackalloc TCompute[Chunk];
        T* input = (T*)context.Input(0);
        T* output = (T*)context.Output(0);
        for (long row = first; row < end; row++)
        {
            (long item, long channel) = Math.DivRem(row, channels);
            long lowest = Math.Max(0, channel - (size - 1) / 2);
            long highest = Math.Min(channels - 1, channel + size / 2);
            for (long start = 0; start < space; start += Chunk)
            {
                int count = (int)Math.Min(Chunk, space - start);
                Span<TCompute> values = buffer[..count];
                Span<TCompute> sums = sumBuffer[..count];
                sums.Clear();
                for (long neighbour = lowest; neighbour <= highest; neighbour++)
                {
                    TensorPrimitives.ConvertTruncating(new ReadOnlySpan<T>(input + (item * channels + neighbour) * space + start, count), values);
                    TensorPrimitives.MultiplyAdd(values, values, sums, sums);
                }

                if (!TCompute.IsFinite(TensorPrimitives.Sum<TCompute>(sums)))
                {
                    for (long i = start; i < start + count; i++)
                    {
                        output[row * space + i] = Exact(input + item * channels * space + i, channel, lowest, highest);
                    }

                    continue;
                }

                TensorPrimitives.Multiply(sums, TCompute.CreateTruncating(alpha / size), sums);
                TensorPrimitives.Add(sums, TCompute.CreateTruncating(bias), sums);
                TensorPrimitives.Pow(sums, TCompute.CreateTruncating(-beta), sums);
                TensorPrimitives.ConvertTruncating(new ReadOnlySpan<T>(input + row * space + start, count), values);
                TensorPrimitives.Multiply(values, sums, values);
                TensorPrimitives.ConvertTruncating<TCompute, T>(values, new Span<T>(output + row * space + start, count));
            }
        }
    }

    private T Exact(T* column, long channel, long lowest, long highest)
    {
        double sum = 0;
        for (long neighbour = lowest; neighbour <= highest; neighbour++)
        {
            double value = double.CreateTruncating(column[neighbour * space]);
            sum += value * value;
        }

        return T.CreateTruncating(double.CreateTruncating(column[channel * space]) / Math.Pow(bias + alpha / size * sum, beta));
    }
}
