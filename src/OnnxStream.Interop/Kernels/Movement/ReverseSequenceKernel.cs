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
    protected override void ComputeRows(KernelContext context, long first, long end)
    {
        switch (_blockBytes)
        {
            case sizeof(byte):
                CopyElements<byte>(context, first, end);
                break;
            case sizeof(ushort):
                CopyElements<ushort>(context, first, end);
                break;
            case sizeof(uint):
                CopyElements<uint>(context, first, end);
                break;
            case sizeof(ulong):
                CopyElements<ulong>(context, first, end);
                break;
            default:
                CopyBlocks(context, first, end);
                break;
        }
    }

    // A block is one element: reads do not depend on each other, so that the processor waits for many of them at once.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void CopyElements<T>(KernelContext context, long first, long end)
        where T : unmanaged
    {
        T* input = (T*)context.Input(0);
        T* output = (T*)context.Output(0);
        IndexTensor lengths = new(context, 1);
        (long line, long place) = Math.DivRem(first, isTimeFirst ? _batch : _time);
        for (long row = first; row < end;)
        {
            long last = Math.Min(end, row - place + (isTimeFirst ? _batch : _time));
            if (isTimeFirst)
            {
                for (; row < last; row++, place++)
                {
                    long length = lengths[place];
                    output[row] = input[(line < length ? length - 1 - line : line) * _batch + place];
                }
            }
            else
            {
                long length = lengths[line];
                T* start = input + line * _time;
                for (; row < last; row++, place++)
                {
                    output[row] = start[place < length ? length - 1 - place : place];
                }
            }

            line++;
            place = 0;
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void CopyBlocks(KernelContext context, long first, long end)
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
