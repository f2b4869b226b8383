using System.Runtime.CompilerServices;

namespace OnnxStream.Interop.Kernels;

/// <summary>Copies [outer, inner] blocks, reversing the first ones of each sequence along the time axis. The second input holds the lengths of the sequences.</summary>
internal sealed unsafe class ReverseSequenceKernel(long batch, long time, bool isTimeFirst, long blockBytes) : RowKernel(batch * time, blockBytes, Math.Clamp(blockBytes, 1, CopiedBytes))
{
    private readonly long _batch = batch;
    private readonly long _time = time;
    private readonly long _blockBytes = blockBytes;

    /// <inheritdoc/>
    public override string Name => "reverse sequence";

    /// <inheritdoc/>
    protected override void Check(KernelContext context)
    {
        IndexTensor lengths = new(context, 1);
        for (long i = 0; i < _batch; i++)
        {
            if (lengths[i] < 0 || lengths[i] > _time)
            {
                throw new InvalidInputException($"{context.Call.OperatorType} '{context.Call.NodeName}': the sequence length {lengths[i]} is not from 0 to {_time}.");
            }
        }
    }

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    protected override void ComputeRows(KernelContext context, long first, long end)
    {
        IndexTensor lengths = new(context, 1);
        for (long row = first; row < end; row++)
        {
            (long sequence, long position) = isTimeFirst ? (row % _batch, row / _batch) : (row / _time, row % _time);
            long length = lengths[sequence];
            long source = position < length ? length - 1 - position : position;
            long sourceRow = isTimeFirst ? source * _batch + sequence : sequence * _time + source;
            ShortCopy.Copy(context.Input(0) + sourceRow * _blockBytes, context.Output(0) + row * _blockBytes, _blockBytes);
        }
    }
}
