using System.Numerics;
using OnnxStream.Interop.Tensors;

namespace OnnxStream.Interop.Kernels;

/// <summary>Moves every element into an interval.</summary>
/// <param name="shape">The shape of the tensor.</param>
/// <param name="lowInput">The input that holds the lower bound; 0 if <paramref name="low"/> is it.</param>
/// <param name="highInput">The input that holds the upper bound; 0 if <paramref name="high"/> is it.</param>
/// <param name="low">The lower bound.</param>
/// <param name="high">The upper bound.</param>
internal sealed unsafe class ClipKernel<T>(Shape shape, int lowInput, int highInput, T low, T high) : ElementwiseKernel(shape, shape)
    where T : unmanaged, INumber<T>
{
    // Elements that are single precision at a time where they are stored in half.
    private const int Block = 1024;

    /// <inheritdoc/>
    public override string Name => "clip";

    /// <inheritdoc/>
    public override bool CanRunInPlace(int input) => input == 0;

    /// <inheritdoc/>
    protected override long Operations(long elements) => Vector<T>.IsSupported ? elements * sizeof(T) / BytesPerOperation : long.MaxValue;

    /// <inheritdoc/>
    protected override void ComputeRun(KernelContext context, long run, long start, int length)
    {
        T least = lowInput > 0 ? *(T*)context.Input(lowInput) : low;
        T most = highInput > 0 ? *(T*)context.Input(highInput) : high;
        long index = OutputIndex(run, start);
        T* output = (T*)context.Output(0) + index;
        if (typeof(T) == typeof(Half))
        {
            ClipHalf((Half*)context.Input(0) + index, (Half*)output, length, float.CreateTruncating(least), float.CreateTruncating(most));
            return;
        }

        ClampLoops.Run((T*)context.Input(0) + index, output, length, least, most);
    }

    private static void ClipHalf(Half* input, Half* output, int length, float least, float most)
    {
        float* block = stackalloc float[Block];
        for (int start = 0; start < length; start += Block)
        {
            int count = Math.Min(Block, length - start);
            HalfConversion.ToSingle(input + start, block, count);
            ClampLoops.Run(block, block, count, least, most);
            HalfConversion.FromSingle(block, output + start, count);
        }
    }
}
