using System.Numerics;

namespace OnnxStream.Interop.Kernels;

/// <summary>The error function of integers, which the specification allows: the real result is truncated.</summary>
internal readonly struct IntegerErrorFunction<T> : IUnaryFunction<T, T>
    where T : unmanaged, INumber<T>
{
    /// <inheritdoc/>
    public void Invoke(ReadOnlySpan<T> input, Span<T> output)
    {
        for (int i = 0; i < input.Length; i++)
        {
            output[i] = T.CreateTruncating(ErrorFunction.Erf(double.CreateTruncating(input[i])));
        }
    }
}
