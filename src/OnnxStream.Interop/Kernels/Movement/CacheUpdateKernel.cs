namespace OnnxStream.Interop.Kernels;

/// <summary>Copies a cache, and blocks into it: for each item of the batch from a position of its own on.</summary>
/// <remarks>Inputs of the step: the cache [batch, middle, length, block], the update [batch, middle, updated, block] and, if there is one, the int64 position of each item.</remarks>
/// <param name="batch">The number of items.</param>
/// <param name="middle">Rows of each item, between the batch and the axis.</param>
/// <param name="length">The length of the cache.</param>
/// <param name="updated">The length of the update, at most that of the cache.</param>
/// <param name="blockBytes">The bytes of a block.</param>
/// <param name="isCircular">Whether what does not fit at the end goes on at the start; otherwise it is an error.</param>
/// <param name="hasPositions">Whether there are positions: all are 0 otherwise.</param>
internal sealed unsafe class CacheUpdateKernel(long batch, long middle, long length, long updated, long blockBytes, bool isCircular, bool hasPositions)
    : RowKernel(batch * middle, length * blockBytes, CopiedBytes)
{
    private readonly long _middle = middle;
    private readonly long _length = length;
    private readonly long _blockBytes = blockBytes;

    /// <inheritdoc/>
    public override string Name => "cache update";

    /// <inheritdoc/>
    public override bool CanRunInPlace(int input) => input == 0;

    /// <inheritdoc/>
    protected override void Check(KernelContext context)
    {
        for (long item = 0; item < batch && hasPositions && !isCircular && updated > 0; item++)
        {
            long position = ((long*)context.Input(2))[item];
            if (position < 0 || position > _length - updated)
            {
                throw new InvalidInputException(
                    $"{context.Call.OperatorType} '{context.Call.NodeName}': an update of {updated} does not fit at position {position} of a cache of {_length} (item {item}).");
            }
        }
    }

    /// <inheritdoc/>
    protected override void ComputeRows(KernelContext context, long first, long end)
    {
        for (long row = first; row < end; row++)
        {
            byte* cache = context.Input(0) + row * _length * _blockBytes;
            byte* update = context.Input(1) + row * updated * _blockBytes;
            byte* output = context.Output(0) + row * _length * _blockBytes;
            long position = hasPositions ? ((long*)context.Input(2))[row / _middle] : 0;
            position = updated == 0 ? 0 : (position % _length + _length) % _length;
            long atEnd = Math.Min(updated, _length - position);
            long atStart = updated - atEnd;
            Copy(update, output, position, atEnd);
            Copy(update + atEnd * _blockBytes, output, 0, atStart);
            if (cache != output)
            {
                Copy(cache + atStart * _blockBytes, output, atStart, position - atStart);
                Copy(cache + (position + atEnd) * _blockBytes, output, position + atEnd, _length - position - atEnd);
            }
        }
    }

    private void Copy(byte* source, byte* destination, long position, long count)
    {
        if (count > 0)
        {
            Buffer.MemoryCopy(source, destination + position * _blockBytes, count * _blockBytes, count * _blockBytes);
        }
    }
}
