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
        for (long group = 0; group < outer; group++, output += count * blockBytes)
        {
            byte* blocks = context.Input(0) + group * data[axis] * blockBytes;
            switch (blockBytes)
            {
                case sizeof(byte):
                    Keep(blocks, condition, output, count);
                    break;
                case sizeof(ushort):
                    Keep((ushort*)blocks, condition, (ushort*)output, count);
                    break;
                case sizeof(uint):
                    Keep((uint*)blocks, condition, (uint*)output, count);
                    break;
                case sizeof(ulong):
                    Keep((ulong*)blocks, condition, (ulong*)output, count);
                    break;
                default:
                    Keep(blocks, blockBytes, condition, output);
                    break;
            }
        }

        context.SetOutputShape(0, data.With(axis, count));
    }

    // Each element is written, and the next one over it unless it is kept: nothing has to be guessed. Behind the last one that is kept nothing is written.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Keep<T>(T* elements, byte* condition, T* output, long count)
        where T : unmanaged
    {
        long kept = 0;
        for (long i = 0; kept < count; i++)
        {
            output[kept] = elements[i];
            kept += condition[i] != 0 ? 1 : 0;
        }
    }

    private void Keep(byte* blocks, long blockBytes, byte* condition, byte* output)
    {
        for (long i = 0; i < _considered; i++)
        {
            if (condition[i] != 0)
            {
                Buffer.MemoryCopy(blocks + i * blockBytes, output, blockBytes, blockBytes);
                output += blockBytes;
            }
        }
    }
}
