using System.Numerics;

namespace OnnxStream.Interop.Kernels;

/// <summary>Random numbers, evenly or normally distributed.</summary>
/// <param name="count">How many.</param>
/// <param name="isNormal">Whether <paramref name="first"/> and <paramref name="second"/> are mean and standard deviation, or the bounds.</param>
/// <param name="first">The mean, or the lower bound, included.</param>
/// <param name="second">The standard deviation, or the upper bound, not included.</param>
/// <param name="seed">What makes a run repeatable; null for other numbers in each run.</param>
internal sealed unsafe class RandomKernel<T>(long count, bool isNormal, double first, double second, int? seed) : Kernel
    where T : unmanaged, INumber<T>
{
    /// <inheritdoc/>
    public override string Name => "random";

    /// <inheritdoc/>
    public override void Run(KernelContext context)
    {
        Random random = seed is { } known ? new Random(known) : new Random();
        T* output = (T*)context.Output(0);
        for (long i = 0; i < count; i++)
        {
            // Box and Muller; 1 - u is never 0.
            output[i] = T.CreateTruncating(isNormal
                ? first + second * Math.Sqrt(-2 * Math.Log(1 - random.NextDouble())) * Math.Cos(2 * Math.PI * random.NextDouble())
                : first + (second - first) * random.NextDouble());
        }
    }
}
