using System.Runtime.CompilerServices;

namespace OnnxStream.Interop.Kernels;

/// <summary>Keeps the blocks along an axis whose condition is true. How many there are is found out in the run.</summary>
/// <param name="data">The shape of what is chosen from.</param>
/// <param name="axis">The axis; <paramref name="data"/> is a vector if there is none.</param>
/// <param name="conditions">The number of conditions; blocks behind the last one are dropped.</param>
/// <param name="elementSize">The size of an element.</param>
internal sealed unsafe class CompressKernel(Shape data, int axis, long conditions, int elementSize) : Kernel
{
    private readonly long _considered = Math.Min(data[axis], conditions);

    /// <inheritdoc/>
    public override string Name => "compress";

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public override void Run(KernelContext context)
    {
        byte* condition = context.Input(1);
        long count = 0;
        for (long i = 0; i < _considered; i++)
        {
            count += condition[i] != 0 ? 1 : 0;
        }

        long blockBytes = data.Product(axis + 1, data.Rank) * elementSize;
        byte* output = context.Output(0);
        long outer = data.Product(0, axis);
        for (long group = 0; group < outer; group++)
        {
            byte* blocks = context.Input(0) + group * data[axis] * blockBytes;
            for (long i = 0; i < _considered; i++)
            {
                if (condition[i] != 0)
                {
                    Buffer.MemoryCopy(blocks + i * blockBytes, output, blockBytes, blockBytes);
                    output += blockBytes;
                }
            }
        }

        context.SetOutputShape(0, data.With(axis, count));
    }
}
