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
internal sealed unsafe class QuantizeKernel<T, TScale, TQuantized>(QuantizationRuns runs, bool hasZeroPoints, ElementType type, ElementType precision, NarrowRounding rounding) : QuantizationKernel<T, TScale, TQuantized, TQuantized>(runs, hasZeroPoints)
    where T : unmanaged, INumber<T>
    where TScale : unmanaged, INumber<TScale>
    where TQuantized : unmanaged, INumber<TQuantized>
{
    private readonly NarrowFloat? _format = type.IsNarrowFloat() ? NarrowFloat.Of(type) : null;

    /// <inheritdoc/>
    public override string Name => "quantize";

    /// <inheritdoc/>
    protected override void Compute(T* input, TScale* scales, TQuantized* zeroPoints, TQuantized* output, Span<float> values, Span<float> parameters)
    {
        if (IsSimple)
        {
            QuantizationLoops.Quantize(
                (float*)input, float.CreateTruncating(*scales), zeroPoints is null ? 0 : float.CreateTruncating(*zeroPoints), (byte*)output, values.Length, typeof(TQuantized) == typeof(sbyte));
            return;
        }

        TensorPrimitives.ConvertTruncating(new ReadOnlySpan<T>(input, values.Length), values);
        if (HasScalePerElement)
        {
            TensorPrimitives.ConvertTruncating(new ReadOnlySpan<TScale>(scales, values.Length), parameters);
            TensorPrimitives.Divide(values, parameters, values);
        }
        else
        {
            TensorPrimitives.Divide(values, float.CreateTruncating(*scales), values);
        }

        RoundQuotients(values);
        if (_format is null)
        {
            TensorPrimitives.Round<float>(values, values);
        }

        if (zeroPoints is not null && HasScalePerElement)
        {
            for (int i = 0; i < values.Length; i++)
            {
                parameters[i] = Number(zeroPoints[i]);
            }

            TensorPrimitives.Add(values, parameters, values);
        }
        else if (zeroPoints is not null)
        {
            TensorPrimitives.Add(values, Number(*zeroPoints), values);
        }

        if (_format is not null)
        {
            RoundToNarrow(values, (byte*)output);
            return;
        }

        if (type.IsNarrowInteger())
        {
            (float least, float most) = NarrowRange;
            TensorPrimitives.Max(values, least, values);
            TensorPrimitives.Min(values, most, values);
        }

        TensorPrimitives.ConvertSaturating<float, TQuantized>(values, new Span<TQuantized>(output, values.Length));
    }

    private void RoundToNarrow(Span<float> values, byte* output)
    {
        Span<double> reals = stackalloc double[Chunk];
        TensorPrimitives.ConvertTruncating<float, double>(values, reals);
        _format!.Round(reals[..values.Length], new Span<byte>(output, values.Length), rounding);
    }

    // Bytes of single-precision numbers with one scale have loops of their own.
    private bool IsSimple =>
        typeof(T) == typeof(float) && (typeof(TQuantized) == typeof(byte) || typeof(TQuantized) == typeof(sbyte)) && type is ElementType.UInt8 or ElementType.Int8 &&
        !HasScalePerElement && precision is not (ElementType.Float16 or ElementType.BFloat16);

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
