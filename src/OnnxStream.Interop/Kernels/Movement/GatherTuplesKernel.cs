using System.Runtime.CompilerServices;

namespace OnnxStream.Interop.Kernels;

/// <summary>Copies the blocks of a tensor that tuples of indices name.</summary>
internal sealed unsafe class GatherTuplesKernel(IndexTuples tuples, int elementSize) : RowKernel(tuples.TupleCount, tuples.BlockElements * elementSize, Math.Clamp(tuples.BlockElements * elementSize, 1, CopiedBytes))
{
    private readonly IndexTuples _tuples = tuples;

    /// <inheritdoc/>
    public override string Name => "gather tuples";

    /// <inheritdoc/>
    protected override void ComputeRows(KernelContext context, long first, long end)
    {
        // Indices are looked at while they are in the cache.
        IndexTensor indices = new(context, 1);
        long bytes = _tuples.BlockElements * elementSize;
        long* offsets = stackalloc long[IndexTuples.MostOffsets];
        for (; first < end; first += IndexTuples.MostOffsets)
        {
            int count = (int)Math.Min(IndexTuples.MostOffsets, end - first);
            _tuples.FindOffsets(context, indices, first, count, offsets);
            byte* source = context.Input(0);
            byte* destination = context.Output(0) + first * bytes;
            switch (_tuples.BlockElements == 1 ? elementSize : 0)
            {
                case 1:
                    Take(source, offsets, count, destination);
                    break;
                case 2:
                    Take((short*)source, offsets, count, (short*)destination);
                    break;
                case 4:
                    Take((int*)source, offsets, count, (int*)destination);
                    break;
                case 8:
                    Take((long*)source, offsets, count, (long*)destination);
                    break;
                default:
                    CopyBlocks(source, offsets, count, destination, bytes);
                    break;
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Take<T>(T* source, long* offsets, int count, T* destination)
        where T : unmanaged
    {
        for (int i = 0; i < count; i++)
        {
            destination[i] = source[offsets[i]];
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void CopyBlocks(byte* source, long* offsets, int count, byte* destination, long bytes)
    {
        for (int i = 0; i < count; i++, destination += bytes)
        {
            ShortCopy.Copy(source + offsets[i] * elementSize, destination, bytes);
        }
    }
}
