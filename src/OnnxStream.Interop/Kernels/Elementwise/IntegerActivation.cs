using System.Numerics;
using System.Numerics.Tensors;

namespace OnnxStream.Interop.Kernels;

/// <summary>Relu and Shrink of integers.</summary>
internal readonly struct IntegerActivation<T>(ActivationFunction function, ActivationParameters parameters) : IUnaryFunction<T, T>
    where T : unmanaged, INumber<T>, IMinMaxValue<T>
{
    /// <inheritdoc/>
    public void Invoke(ReadOnlySpan<T> input, Span<T> output)
    {
        if (function == ActivationFunction.Relu)
        {
            TensorPrimitives.Max(input, T.Zero, output);
            return;
        }

        // Shrink compares and shifts as reals and truncates.
        (double threshold, double bias) = (parameters.Alpha, parameters.Beta);
        for (int i = 0; i < input.Length; i++)
        {
            double x = double.CreateTruncating(input[i]);
            output[i] = T.CreateTruncating(x < -threshold ? x + bias : x > threshold ? x - bias : 0);
        }
    }
}
