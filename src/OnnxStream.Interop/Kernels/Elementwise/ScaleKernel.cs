using System.Numerics;

namespace OnnxStream.Interop.Kernels;

/// <summary>Multiplies every element by a number.</summary>
internal static class ScaleKernel
{
    /// <summary>Makes the kernel for a number type.</summary>
    public static Kernel Create(ElementType type, float factor, long elementCount) =>
        NumericKernels.Create(type, new Factory(factor, new Shape(elementCount))) ??
        throw new ArgumentException($"{type} is no number type.", nameof(type));

    private readonly struct Factory(float factor, Shape shape) : INumericKernelFactory
    {
        public Kernel Create<T>()
            where T : unmanaged, INumber<T>, IMinMaxValue<T> => new UnaryKernel<T, T, Scale<T>>(shape, new Scale<T>(factor));
    }

    private readonly struct Scale<T>(float factor) : IUnaryFunction<T, T>
        where T : unmanaged, INumber<T>
    {
        public void Invoke(ReadOnlySpan<T> input, Span<T> output)
        {
            // Integers are scaled as reals and truncated, as other runtimes do.
            if (typeof(T) == typeof(int) || typeof(T) == typeof(long))
            {
                for (int i = 0; i < input.Length; i++)
                {
                    output[i] = T.CreateTruncating(double.CreateTruncating(input[i]) * factor);
                }

                return;
            }

            T typed = T.CreateTruncating(factor);
            for (int i = 0; i < input.Length; i++)
            {
                output[i] = input[i] * typed;
            }
        }
    }
}
