using System.Numerics;
using System.Numerics.Tensors;
using OnnxStream.Interop.Tensors;

namespace OnnxStream.Interop.Kernels;

/// <summary>saturate(round(x / scale) + zero point), halves rounded to even; floats are rounded last. Inputs of the step: data, scales, then the zero points if there are any.</summary>
/// <param name="runs">The data in pieces.</param>
/// <param name="hasZeroPoints">Whether there are zero points.</param>
/// <param name="type">The type of the output, of which <typeparamref name="TQuantized"/> is what it is held as.</param>
/// <param name="precision">The type that quotients are rounded to first: float16, bfloat16, or anything else for single precision.</param>
/// <param name="rounding">How numbers become narrow floats.</param>
internal sealed unsafe class QuantizeKernel<T, TScale, TQuantized>(QuantizationRuns runs, bool hasZeroPoints, ElementType type, ElementType precision, NarrowRounding rounding) : RowKernel(runs.Count, runs.Length * sizeof(T))
    where T : unmanaged, INumber<T>
    where TScale : unmanaged, INumber<TScale>
    where TQuantized : unmanaged, INumber<TQuantized>
{
    private const int Chunk = 512;

    private readonly NarrowFloat? _format = type.IsNarrowFloat() ? NarrowFloat.Of(type) : null;

    /// <inheritdoc/>
    public override string Name => "quantize";

    /// <inheritdoc/>
    protected override void ComputeRows(KernelContext context, long first, long end)
    {
        Span<float> values = stackalloc float[Chunk];
        Span<float> parameters = stackalloc float[runs.HasScalePerElement ? Chunk : 0];
        Span<double> reals = stackalloc double[_format is null ? 0 : Chunk];
        for (long run = first; run < end; run++)
        {
            T* input = (T*)context.Input(0) + run * runs.Length;
            TQuantized* output = (TQuantized*)context.Output(0) + run * runs.Length;
            TScale* scales = (TScale*)context.Input(1) + runs.Scale(run);
            TQuantized* zeroPoints = hasZeroPoints ? (TQuantized*)context.Input(2) + runs.Scale(run) : null;
            int length = runs.LengthOf(run);
            if (IsSimple)
            {
                QuantizationLoops.Quantize((float*)input, float.CreateTruncating(*scales), hasZeroPoints ? float.CreateTruncating(*zeroPoints) : 0, (byte*)output, length, typeof(TQuantized) == typeof(sbyte));
                continue;
            }

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

                RoundQuotients(chunk);
                if (_format is null)
                {
                    TensorPrimitives.Round<float>(chunk, chunk);
                }

                if (hasZeroPoints && runs.HasScalePerElement)
                {
                    for (int i = 0; i < count; i++)
                    {
                        parameters[i] = Number(zeroPoints[start + i]);
                    }

                    TensorPrimitives.Add(chunk, parameters[..count], chunk);
                }
                else if (hasZeroPoints)
                {
                    TensorPrimitives.Add(chunk, Number(*zeroPoints), chunk);
                }

                if (_format is not null)
                {
                    TensorPrimitives.ConvertTruncating<float, double>(chunk, reals);
                    _format.Round(reals[..count], new Span<byte>((byte*)output + start, count), rounding);
                    continue;
                }

                if (type.IsNarrowInteger())
                {
                    (float least, float most) = NarrowRange;
                    TensorPrimitives.Max(chunk, least, chunk);
                    TensorPrimitives.Min(chunk, most, chunk);
                }

                TensorPrimitives.ConvertSaturating<float, TQuantized>(chunk, new Span<TQuantized>(output + start, count));
            }
        }
    }

    // Bytes of single-precision numbers with one scale have loops of their own.
    private bool IsSimple =>
        typeof(T) == typeof(float) && (typeof(TQuantized) == typeof(byte) || typeof(TQuantized) == typeof(sbyte)) && type is ElementType.UInt8 or ElementType.Int8 &&
        !runs.HasScalePerElement && precision is not (ElementType.Float16 or ElementType.BFloat16);

    private (float Least, float Most) NarrowRange => type switch
    {
        ElementType.Int4 => (-8, 7),
        ElementType.Int2 => (-2, 1),
        ElementType.UInt2 => (0, 3),
        _ => (0, 15),
    };

    private float Number(TQuantized zeroPoint) => _format is null ? float.CreateTruncating(zeroPoint) : _format.Numbers[byte.CreateTruncating(zeroPoint)];

    // Dividing in single precision and rounding again gives what dividing in half as many digits gives.
    private void RoundQuotients(Span<float> quotients)
    {
        if (precision is ElementType.Float16 or ElementType.BFloat16)
        {
            Span<ushort> narrow = stackalloc ushort[Chunk];
            fixed (float* values = quotients)
            fixed (ushort* halves = narrow)
            {
                ElementConversion.Convert(ElementType.Float32, (byte*)values, precision, (byte*)halves, quotients.Length);
                ElementConversion.Convert(precision, (byte*)halves, ElementType.Float32, (byte*)values, quotients.Length);
            }
        }
    }
}
