using System.Numerics;
using System.Numerics.Tensors;
using System.Runtime.CompilerServices;

namespace OnnxStream.Interop.Kernels;

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
                if (typeof(T) == typeof(TCompute))
                {
                    Scale((TCompute*)(input + start), (TCompute*)(output + start), count, scale, shift);
                    continue;
                }

                TensorPrimitives.ConvertTruncating(new ReadOnlySpan<T>(input + start, count), buffer);
                fixed (TCompute* values = buffer)
                {
                    Scale(values, values, count, scale, shift);
                }

                TensorPrimitives.ConvertTruncating<TCompute, T>(buffer[..count], new Span<T>(output + start, count));
            }
        }
    }

    // Compiled for speed before the first call: a plan may run only a few times.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Scale(TCompute* values, TCompute* results, int length, TCompute scale, TCompute shift)
    {
        Vector<TCompute> scales = new(scale);
        Vector<TCompute> shifts = new(shift);
        int i = 0;
        for (; i + Vector<TCompute>.Count <= length; i += Vector<TCompute>.Count)
        {
            (Vector.Load(values + i) * scales + shifts).Store(results + i);
        }

        for (; i < length; i++)
        {
            results[i] = values[i] * scale + shift;
        }
    }
}
