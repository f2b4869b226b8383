using OnnxStream.Interop.Native;

namespace OnnxStream.Interop.Kernels.Managed;

/// <summary>Copies for each output element the input element that tables of indices, one for each dimension, name.</summary>
internal sealed unsafe class NearestResizeKernel : Kernel, IParallelBody
{
    private const long PieceElements = 16 << 10;

    private readonly int _elementSize;
    private readonly int _blockSize;
    private readonly int[][] _indices;
    private readonly long[] _strides;
    private readonly long _filler;
    private readonly long _rows;
    private readonly long _rowsPerPiece;
    private KernelContext? _context;

    /// <summary>Makes the kernel.</summary>
    /// <param name="elementSize">The size of an element in bytes.</param>
    /// <param name="input">The shape of the input.</param>
    /// <param name="output">The shape of the output.</param>
    /// <param name="indices">For each dimension and output position along it the input position, or -1 for the filler; null for a dimension that stays.</param>
    /// <param name="filler">The bytes of the element that is used where there is no input element.</param>
    public NearestResizeKernel(int elementSize, Shape input, Shape output, int[]?[] indices, long filler)
    {
        // Dimensions at the end that stay are copied as blocks; others that stay are joined.
        _filler = filler;
        _elementSize = elementSize;
        _blockSize = elementSize;
        int rank = input.Rank;
        while (rank > 1 && indices[rank - 1] is null)
        {
            _blockSize = checked(_blockSize * (int)input[--rank]);
        }

        List<int[]> tables = [];
        List<long> strides = [];
        for (int i = 0; i < rank; i++)
        {
            long stride = input.Product(i + 1, rank);
            int first = i;
            while (indices[i] is null && i + 1 < rank && indices[i + 1] is null)
            {
                i++;
                stride = input.Product(i + 1, rank);
            }

            tables.Add(indices[i] ?? [.. Enumerable.Range(0, checked((int)input.Product(first, i + 1)))]);
            strides.Add(stride);
        }

        _indices = [.. tables];
        _strides = [.. strides];
        long row = _indices[^1].Length;
        _rows = output.ElementCount == 0 ? 0 : output.Product(0, rank) / row;
        _rowsPerPiece = Math.Max(1, PieceElements / Math.Max(1, row * _blockSize / elementSize));
    }

    /// <inheritdoc/>
    public override string Name => "resize nearest";

    /// <inheritdoc/>
    public override void Run(KernelContext context)
    {
        _context = context;
        context.Workers.Parallelize(this, checked((int)((_rows + _rowsPerPiece - 1) / _rowsPerPiece)));
        _context = null;
    }

    /// <inheritdoc/>
    public void Execute(int index)
    {
        byte* input = _context!.Input(0);
        byte* output = _context.Output(0);
        int[] inner = _indices[^1];
        long rowBytes = (long)inner.Length * _blockSize;
        long last = Math.Min((index + 1) * _rowsPerPiece, _rows);
        long previous = long.MinValue;
        for (long row = index * _rowsPerPiece; row < last; row++)
        {
            long source = 0;
            long rest = row;
            for (int i = _indices.Length - 2; i >= 0; i--)
            {
                (rest, long position) = Math.DivRem(rest, _indices[i].Length);
                int found = _indices[i][position];
                source = found < 0 || source < 0 ? -1 : source + found * _strides[i];
            }

            byte* target = output + row * rowBytes;
            if (source == previous)
            {
                Buffer.MemoryCopy(target - rowBytes, target, rowBytes, rowBytes);
                continue;
            }

            previous = source;
            WriteRow(source < 0 ? null : input + source * _blockSize, target, inner);
        }
    }

    private void WriteRow(byte* source, byte* target, int[] indices)
    {
        if (_blockSize != _elementSize)
        {
            foreach (int index in indices)
            {
                if (source is null || index < 0)
                {
                    Fill(target);
                }
                else
                {
                    Buffer.MemoryCopy(source + (long)index * _blockSize, target, _blockSize, _blockSize);
                }

                target += _blockSize;
            }

            return;
        }

        switch (_blockSize)
        {
            case 1:
                Gather(source, target, indices, (byte)_filler);
                break;
            case 2:
                Gather((ushort*)source, (ushort*)target, indices, (ushort)_filler);
                break;
            case 4:
                Gather((uint*)source, (uint*)target, indices, (uint)_filler);
                break;
            default:
                Gather((ulong*)source, (ulong*)target, indices, (ulong)_filler);
                break;
        }
    }

    private void Fill(byte* target)
    {
        long filler = _filler;
        for (int i = 0; i < _blockSize; i++)
        {
            target[i] = ((byte*)&filler)[i % _elementSize];
        }
    }

    private static void Gather<T>(T* source, T* target, int[] indices, T filler)
        where T : unmanaged
    {
        if (source is null)
        {
            new Span<T>(target, indices.Length).Fill(filler);
            return;
        }

        for (int i = 0; i < indices.Length; i++)
        {
            target[i] = indices[i] < 0 ? filler : source[indices[i]];
        }
    }
}
