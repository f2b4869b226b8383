using System.Numerics;
using System.Numerics.Tensors;

namespace OnnxStream.Interop.Kernels;

/// <summary>saturate(round(x / scale) + zero point), halves rounded to even. Inputs of the step: data, scales, then the zero points if there are any.</summary>
internal sealed unsafe class QuantizeKernel<T, TScale, TQuantized>(QuantizationRuns runs, bool hasZeroPoints) : RowKernel(runs.Count, runs.Length * sizeof(T))
    where T : unmanaged, INumber<T>
    where TScale : unmanaged, INumber<TScale>
    where TQuantized : unmanaged, INumber<TQuantized>
{
    private const int Chunk = 512;

    /// <inheritdoc/>
    public override string Name => "quantize";

    /// <inheritdoc/>
    protected override void ComputeRows(KernelContext context, long first, long end)
    {
        Span<float> values = stackalloc float[Chunk];
        Span<float> parameters = stackalloc float[runs.HasScalePerElement ? Chunk : 0];
        for (long run = first; run < end; run++)
        {
            T* input = (T*)context.Input(0) + run * runs.Length;
            TQuantized* output = (TQuantized*)context.Output(0) + run * runs.Length;
            TScale* scales = (TScale*)context.Input(1) + runs.Scale(run);
            TQuantized* zeroPoints = hasZeroPoints ? (TQuantized*)context.Input(2) + runs.Scale(run) : null;
            int length = runs.LengthOf(run);
            for (int start = 0; start < length; start += Chunk)
            {
                int count = Math.Min(Chunk, length - start);
                Span<float> chunk = values[..count];
                TensorPrimitives.ConvertTruncating(new ReadOnlySpan<T>(input + start, count), chunk);
                if (runs.HasScalePerElement)
                {
                    TensorPrimitives.ConvertTruncating(new ReadOnlySpan<TScale>(scales + start, count), parameters);
                    TensorPrimitives.Divide(chunk, parameters[..count], chunk);
                }
                else
                {
                    TensorPrimitives.Divide(chunk, float.CreateTruncating(*scales), chunk);
                }

                TensorPrimitives.Round<float>(chunk, chunk);
                if (hasZeroPoints && runs.HasScalePerElement)
                {
                    TensorPrimitives.ConvertTruncating(new ReadOnlySpan<TQuantized>(zeroPoints + start, count), parameters);
                    TensorPrimitives.Add(chunk, parameters[..count], chunk);
                }
                else if (hasZeroPoints)
                {
                    TensorPrimitives.Add(chunk, float.CreateTruncating(*zeroPoints), chunk);
                }

                TensorPrimitives.ConvertSaturating<float, TQuantized>(chunk, new Span<TQuantized>(output + start, count));
            }
        }
    }
}
