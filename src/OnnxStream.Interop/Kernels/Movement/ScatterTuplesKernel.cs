using System.Runtime.CompilerServices;
using OnnxStream.Interop.Native;

namespace OnnxStream.Interop.Kernels;

/// <summary>Copies a tensor and changes blocks of it, in the order of the updates.</summary>
/// <remarks>Each thread changes one part of the tensor, which stays in its cache: it looks at all updates, and leaves out those of other parts.</remarks>
internal sealed unsafe class ScatterTuplesKernel<T, TFunction>(IndexTuples tuples, long dataElements) : Kernel, IParallelBody
    where T : unmanaged
    where TFunction : IBinaryFunction<T, T>
{
    private const long LeastPartBytes = 256 << 10;

    private KernelContext? _context;
    private int _parts;

    /// <inheritdoc/>
    public override string Name => "scatter tuples";

    // Looking at all updates takes time as well.
    private const long MostParts = 4;

    /// <inheritdoc/>
    public override bool CanRunInPlace(int input) => input == 0;

    /// <inheritdoc/>
    public override void Run(KernelContext context)
    {
        tuples.Check(context, new IndexTensor(context, 1));
        _context = context;
        _parts = (int)Math.Clamp(dataElements * sizeof(T) / LeastPartBytes, 1, Math.Min(MostParts, context.Workers.WorkerCount));
        long copied = context.Input(0) == context.Output(0) ? 0 : dataElements * sizeof(T) / BytesPerOperation;
        context.Workers.Parallelize(this, _parts, copied + tuples.TupleCount * Math.Max(1, tuples.BlockElements / ElementsPerOperation));
        _context = null;
    }

    // Elements of a block that take as long as finding it.
    private const long ElementsPerOperation = 8;

    // Bytes that are copied meanwhile.
    private const long BytesPerOperation = 32;

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void Execute(int index)
    {
        IndexTensor indices = new(_context!, 1);
        T* output = (T*)_context!.Output(0);
        T* updates = (T*)_context.Input(2);
        long blocks = dataElements / tuples.BlockElements;
        long start = blocks * index / _parts * tuples.BlockElements;
        long length = blocks * (index + 1) / _parts * tuples.BlockElements - start;
        if (_context.Input(0) != (byte*)output)
        {
            ShortCopy.Copy(_context.Input(0) + start * sizeof(T), (byte*)(output + start), length * sizeof(T));
        }

        long* offsets = stackalloc long[IndexTuples.MostOffsets];
        int* own = stackalloc int[IndexTuples.MostOffsets];
        for (long first = 0; first < tuples.TupleCount; first += IndexTuples.MostOffsets)
        {
            int count = (int)Math.Min(IndexTuples.MostOffsets, tuples.TupleCount - first);
            tuples.FindOffsets(_context, indices, first, count, offsets);

            // A block belongs to the part of its first element. Which ones do, nobody can predict: there is no branch.
            int found = 0;
            for (int i = 0; i < count; i++)
            {
                own[found] = i;
                found += (ulong)(offsets[i] - start) < (ulong)length ? 1 : 0;
            }

            // What is replaced need not be read.
            for (int k = 0; k < found && tuples.BlockElements == 1 && typeof(TFunction) == typeof(ReplaceFunction<T>); k++)
            {
                output[offsets[own[k]]] = updates[first + own[k]];
            }

            for (int k = 0; k < found && !(tuples.BlockElements == 1 && typeof(TFunction) == typeof(ReplaceFunction<T>)); k++)
            {
                int i = own[k];
                T* block = output + offsets[i];
                if (tuples.BlockElements == 1)
                {
                    *block = TFunction.Invoke(*block, updates[first + i]);
                }
                else
                {
                    BinaryLoops.Run<T, T, TFunction>(block, 1, updates + (first + i) * tuples.BlockElements, 1, block, tuples.BlockElements);
                }
            }
        }
    }
}
