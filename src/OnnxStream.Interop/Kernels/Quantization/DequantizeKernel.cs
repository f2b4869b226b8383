using System.Numerics;
using System.Numerics.Tensors;
using System.Runtime.CompilerServices;

namespace OnnxStream.Interop.Kernels;

/// <summary>(x - zero point) * scale. Inputs of the step: data, scales, then the zero points if there are any.</summary>
/// <param name="runs">The data in pieces.</param>
/// <param name="hasZeroPoints">Whether there are zero points.</param>
/// <param name="numbers">The number of each code where the data are codes of one byte; null where elements are numbers.</param>
internal sealed unsafe class DequantizeKernel<TQuantized, TScale, T>(QuantizationRuns runs, bool hasZeroPoints, float[]? numbers = null) : QuantizationKernel<TQuantized, TScale, TQuantized, T>(runs, hasZeroPoints)
    where TQuantized : unmanaged, INumber<TQuantized>
    where TScale : unmanaged, INumber<TScale>
    where T : unmanaged, INumber<T>
{
    /// <inheritdoc/>
    public override string Name => "dequantize";

    /// <inheritdoc/>
    protected override void Compute(TQuantized* input, TScale* scales, TQuantized* zeroPoints, T* output, Span<float> values, Span<float> parameters)
    {
        if (typeof(T) == typeof(float) && (typeof(TQuantized) == typeof(byte) || typeof(TQuantized) == typeof(sbyte)) && numbers is null && !HasScalePerElement)
        {
            QuantizationLoops.Dequantize(
                (byte*)input, float.CreateTruncating(*scales), zeroPoints is null ? 0 : float.CreateTruncating(*zeroPoints), (float*)output, values.Length, typeof(TQuantized) == typeof(sbyte));
            return;
        }

        Read(input, values);
        if (HasScalePerElement)
        {
            if (zeroPoints is not null)
            {
                Read(zeroPoints, parameters);
                TensorPrimitives.Subtract(values, parameters, values);
            }

            TensorPrimitives.ConvertTruncating(new ReadOnlySpan<TScale>(scales, values.Length), parameters);
            TensorPrimitives.Multiply(values, parameters, values);
        }
        else
        {
            if (zeroPoints is not null)
            {
                TensorPrimitives.Subtract(values, numbers is null ? float.CreateTruncating(*zeroPoints) : numbers[*(byte*)zeroPoints], values);
            }

            TensorPrimitives.Multiply(values, float.CreateTruncating(*scales), values);
        }

        TensorPrimitives.ConvertTruncating<float, T>(values, new Span<T>(output, values.Length));
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
