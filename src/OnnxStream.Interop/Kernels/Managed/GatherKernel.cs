using OnnxStream.Interop.Graphs;

namespace OnnxStream.Interop.Kernels.Managed;

/// <summary>Copies the blocks of a tensor that indices name. Only those are read, so a weight in a file stays there.</summary>
/// <param name="outer">How many times the indices are applied: the product of the dimensions before the axis.</param>
/// <param name="axisSize">The number of blocks to choose from.</param>
/// <param name="indexCount">The number of indices.</param>
/// <param name="blockElements">The elements of a block: the product of the dimensions behind the axis.</param>
/// <param name="elementSize">The size of an element of the output.</param>
/// <param name="converted">The weight that the blocks are taken from, if its elements are stored in another type.</param>
internal sealed unsafe class GatherKernel(long outer, long axisSize, long indexCount, long blockElements, int elementSize, Constant? converted)
    : RowKernel(outer * indexCount, blockElements * elementSize)
{
    private readonly int _storedSize = converted?.StoredType.SizeOf() ?? elementSize;

    /// <inheritdoc/>
    public override string Name => "gather";

    /// <inheritdoc/>
    protected override void Check(KernelContext context) => new IndexTensor(context, 1).Check(context, indexCount, axisSize);

    /// <inheritdoc/>
    protected override void ComputeRows(KernelContext context, long first, long end)
    {
        IndexTensor indices = new(context, 1);
        byte* data = context.Input(0);
        byte* output = context.Output(0);
        long blockBytes = blockElements * elementSize;
        for (long row = first; row < end; row++)
        {
            (long group, long i) = Math.DivRem(row, indexCount);
            byte* source = data + (group * axisSize + indices.Resolve(i, axisSize)) * blockElements * _storedSize;
            byte* destination = output + row * blockBytes;
            if (converted is not null)
            {
                ConvertWeight.ToFloat32(converted, source, new Span<float>(destination, checked((int)blockElements)));
            }
            else if (blockBytes == 8)
            {
                *(long*)destination = *(long*)source;
            }
            else if (blockBytes == 4)
            {
                *(int*)destination = *(int*)source;
            }
            else
            {
                Buffer.MemoryCopy(source, destination, blockBytes, blockBytes);
            }
        }
    }
}
