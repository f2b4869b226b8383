using System.Numerics;
using System.Numerics.Tensors;
using System.Runtime.CompilerServices;

namespace OnnxStream.Interop.Kernels;

/// <summary>(x - zero point) * scale. Inputs of the step: data, scales, then the zero points if there are any.</summary>
/// <param name="runs">The data in pieces.</param>
/// <param name="hasZeroPoints">Whether there are zero points.</param>
/// <param name="numbers">The number of each code where the data are codes of one byte; null where elements are numbers.</param>
internal sealed unsafe class DequantizeKernel<TQuantized, TScale, T>(QuantizationRuns runs, bool hasZeroPoints, float[]? numbers = null) : RowKernel(runs.Count, runs.Length * sizeof(T))
    where TQuantized : unmanaged, INumber<TQuantized>
    where TScale : unmanaged, INumber<TScale>
    where T : unmanaged, INumber<T>
{
    private const int Chunk = 512;

    /// <inheritdoc/>
    public override string Name => "dequantize";

    /// <inheritdoc/>
    protected override void ComputeRows(KernelContext context, long first, long end)
    {
        Span<float> values = stackalloc float[Chunk];
        Span<float> parameters = stackalloc float[runs.HasScalePerElement ? Chunk : 0];
        for (long run = first; run < end; run++)
        {
            TQuantized* input = (TQuantized*)context.Input(0) + run * runs.Length;
            T* output = (T*)context.Output(0) + run * runs.Length;
            TScale* scales = (TScale*)context.Input(1) + runs.Scale(run);
            TQuantized* zeroPoints = hasZeroPoints ? (TQuantized*)context.Input(2) + runs.Scale(run) : null;
            int length = runs.LengthOf(run);
            if (typeof(T) == typeof(float) && (typeof(TQuantized) == typeof(byte) || typeof(TQuantized) == typeof(sbyte)) && numbers is null && !runs.HasScalePerElement)
            {
                QuantizationLoops.Dequantize((byte*)input, float.CreateTruncating(*scales), hasZeroPoints ? float.CreateTruncating(*zeroPoints) : 0, (float*)output, length, typeof(TQuantized) == typeof(sbyte));
                continue;
            }

            for (int start = 0; start < length; start += Chunk)
            {
                int count = Math.Min(Chunk, length - start);
                Span<float> chunk = values[..count];
                Read(input + start, chunk);
                if (runs.HasScalePerElement)
                {
                    if (hasZeroPoints)
                    {
                        Read(zeroPoints + start, parameters[..count]);
                        TensorPrimitives.Subtract(chunk, parameters[..count], chunk);
                    }

                    TensorPrimitives.ConvertTruncating(new ReadOnlySpan<TScale>(scales + start, count), parameters);
                    TensorPrimitives.Multiply(chunk, parameters[..count], chunk);
                }
                else
                {
                    if (hasZeroPoints)
                    {
                        TensorPrimitives.Subtract(chunk, numbers is null ? float.CreateTruncating(*zeroPoints) : numbers[*(byte*)zeroPoints], chunk);
                    }

                    TensorPrimitives.Multiply(chunk, float.CreateTruncating(*scales), chunk);
                }

                TensorPrimitives.ConvertTruncating<float, T>(chunk, new Span<T>(output + start, count));
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void Read(TQuantized* elements, Span<float> values)
    {
        if (numbers is null)
        {
            TensorPrimitives.ConvertTruncating(new ReadOnlySpan<TQuantized>(elements, values.Length), values);
            return;
        }

        float[] table = numbers;
        for (int i = 0; i < values.Length; i++)
        {
            values[i] = table[((byte*)elements)[i]];
        }
    }
}
