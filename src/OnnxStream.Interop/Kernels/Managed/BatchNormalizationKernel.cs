using System.Numerics;
using System.Numerics.Tensors;

namespace OnnxStream.Interop.Kernels.Managed;

/// <summary>Batch normalisation with known statistics: (x - mean[c]) / sqrt(variance[c] + epsilon) * scale[c] + bias[c].</summary>
/// <remarks>Inputs of the step: data [rows, length], scale, bias, mean and variance, each of <paramref name="channels"/> elements.</remarks>
internal sealed unsafe class BatchNormalizationKernel<T, TParameter, TStatistic, TCompute>(long rows, long length, long channels, double epsilon) : RowKernel(rows, length * sizeof(T))
    where T : unmanaged, INumber<T>
    where TParameter : unmanaged, INumber<TParameter>
    where TStatistic : unmanaged, INumber<TStatistic>
    where TCompute : unmanaged, IFloatingPointIeee754<TCompute>
{
    private const int Chunk = 512;

    /// <inheritdoc/>
    public override string Name => "batch normalization";

    /// <inheritdoc/>
    public override bool CanRunInPlace(int input) => input == 0;

    /// <inheritdoc/>
    protected override void ComputeRows(KernelContext context, long first, long end)
    {
        Span<TCompute> buffer = stackalloc TCompute[Chunk];
        for (long row = first; row < end; row++)
        {
            long channel = row % channels;
            double mean = double.CreateTruncating(((TStatistic*)context.Input(3))[channel]);
            double factor = double.CreateTruncating(((TParameter*)context.Input(1))[channel]) / Math.Sqrt(double.CreateTruncating(((TStatistic*)context.Input(4))[channel]) + epsilon);
            TCompute scale = TCompute.CreateTruncating(factor);
            TCompute shift = TCompute.CreateTruncating(double.CreateTruncating(((TParameter*)context.Input(2))[channel]) - mean * factor);
            T* input = (T*)context.Input(0) + row * length;
            T* output = (T*)context.Output(0) + row * length;
            if (length == 1)
            {
                *output = T.CreateTruncating(TCompute.CreateTruncating(*input) * scale + shift);
                continue;
            }

            for (long start = 0; start < length; start += Chunk)
            {
                int count = (int)Math.Min(Chunk, length - start);
                Span<TCompute> values = typeof(T) == typeof(TCompute) ? new Span<TCompute>(output + start, count) : buffer[..count];
                TensorPrimitives.ConvertTruncating(new ReadOnlySpan<T>(input + start, count), values);
                TensorPrimitives.Multiply(values, scale, values);
                TensorPrimitives.Add(values, shift, values);
                if (typeof(T) != typeof(TCompute))
                {
                    TensorPrimitives.ConvertTruncating<TCompute, T>(values, new Span<T>(output + start, count));
                }
            }
        }
    }
}
