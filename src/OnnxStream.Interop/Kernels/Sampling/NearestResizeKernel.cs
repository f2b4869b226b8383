using System.Numerics;
using System.Runtime.CompilerServices;
using OnnxStream.Interop.Native;

namespace OnnxStream.Interop.Kernels;

/// <summary>Copies for each output element the input element that tables of indices, one for each dimension, name.</summary>
/// <remarks>
/// What lies behind the last dimension that is resized is copied as a whole, and rows that repeat are copied from the output.
/// Loops are compiled for speed before their first call: a plan may run only a few times.
/// </remarks>
internal sealed unsafe class NearestResizeKernel : Kernel, IParallelBody
{
    private const long PieceElements = 16 << 10;

    private readonly int _elementSize;
    private readonly long _blockBytes;
    private readonly int[] _inner;
    private readonly bool _hasFillers;
    private readonly bool _isDoubled;
    private readonly Dimension[] _outer;
    private readonly long _filler;
    private readonly long _rows;
    private readonly long _rowsPerPiece;
    private readonly long _operations;
    private KernelContext? _context;

    /// <summary>Makes the kernel.</summary>
    /// <param name="elementSize">The size of an element in bytes.</param>
    /// <param name="input">The shape of the input.</param>
    /// <param name="output">The shape of the output.</param>
    /// <param name="indices">For each dimension and output position along it the input position, or -1 for the filler; null for a dimension that stays.</param>
    /// <param name="filler">The bytes of the element that is used where there is no input element.</param>
    public NearestResizeKernel(int elementSize, Shape input, Shape output, int[]?[] indices, long filler)
    {
        _filler = filler;
        _elementSize = elementSize;
        int rank = input.Rank;
        while (rank > 0 && indices[rank - 1] is null)
        {
            rank--;
        }

        // Dimensions at the end that stay are copied as blocks; others that stay are joined.
        _blockBytes = input.Product(rank, input.Rank) * elementSize;
        _inner = rank == 0 ? [0] : indices[rank - 1]!;
        List<Dimension> outer = [];
        for (int i = 0; i < rank - 1; i++)
        {
            int first = i;
            while (indices[i] is null && indices[i + 1] is null)
            {
                i++;
            }

            outer.Add(new Dimension(indices[i], indices[i]?.Length ?? input.Product(first, i + 1), input.Product(i + 1, rank)));
        }

        _outer = [.. outer];
        _hasFillers = Array.Exists(indices, table => table?.AsSpan().Contains(-1) == true);
        _isDoubled = _blockBytes == elementSize && elementSize is (sizeof(uint) or sizeof(byte)) && IsDoubled(_inner);
        _rows = output.ElementCount == 0 ? 0 : output.Product(0, Math.Max(0, rank - 1));
        long rowElements = _inner.Length * (_blockBytes / elementSize);
        _rowsPerPiece = Math.Max(1, PieceElements / Math.Max(1, rowElements));
        _operations = _rows * rowElements;
    }

    /// <inheritdoc/>
    public override string Name => "resize nearest";

    /// <summary>The number of bytes that are copied at a time.</summary>
    public long BlockBytes => _blockBytes;

    /// <inheritdoc/>
    public override void Run(KernelContext context)
    {
        _context = context;
        context.Workers.Parallelize(this, checked((int)((_rows + _rowsPerPiece - 1) / _rowsPerPiece)), _operations);
        _context = null;
    }

    /// <inheritdoc/>
    public void Execute(int index)
    {
        byte* input = _context!.Input(0);
        byte* output = _context.Output(0);
        long rowBytes = _inner.Length * _blockBytes;
        long last = Math.Min((index + 1) * _rowsPerPiece, _rows);
        long previous = long.MinValue;
        for (long row = index * _rowsPerPiece; row < last; row++)
        {
            long source = Source(row);
            byte* target = output + row * rowBytes;
            if (source == previous)
            {
                Buffer.MemoryCopy(target - rowBytes, target, rowBytes, rowBytes);
                continue;
            }

            previous = source;
            if (source < 0)
            {
                Fill(target, rowBytes);
            }
            else
            {
                WriteRow(input + source * _blockBytes, target);
            }
        }
    }

    // The input block that a row of the output starts from; -1 for none.
    private long Source(long row)
    {
        long source = 0;
        for (int i = _outer.Length - 1; i >= 0; i--)
        {
            (row, long position) = Math.DivRem(row, _outer[i].Length);
            long found = _outer[i].Table is { } table ? table[position] : position;
            source = found < 0 || source < 0 ? -1 : source + found * _outer[i].Stride;
        }

        return source;
    }

    private void WriteRow(byte* source, byte* target)
    {
        if (_blockBytes != _elementSize)
        {
            foreach (int index in _inner)
            {
                if (index < 0)
                {
                    Fill(target, _blockBytes);
                }
                else
                {
                    Buffer.MemoryCopy(source + index * _blockBytes, target, _blockBytes, _blockBytes);
                }

                target += _blockBytes;
            }

            return;
        }

        if (_isDoubled)
        {
            if (_elementSize == 1)
            {
                Double(source, target, _inner.Length / 2);
            }
            else
            {
                Double((uint*)source, (uint*)target, _inner.Length / 2);
            }

            return;
        }

        switch (_elementSize)
        {
            case 1:
                Gather(source, target, (byte)_filler);
                break;
            case 2:
                Gather((ushort*)source, (ushort*)target, (ushort)_filler);
                break;
            case 4:
                Gather((uint*)source, (uint*)target, (uint)_filler);
                break;
            default:
                Gather((ulong*)source, (ulong*)target, (ulong)_filler);
                break;
        }
    }

    private void Fill(byte* target, long bytes)
    {
        switch (_elementSize)
        {
            case 1:
                Fill(target, bytes, (byte)_filler);
                break;
            case 2:
                Fill((ushort*)target, bytes / sizeof(ushort), (ushort)_filler);
                break;
            case 4:
                Fill((uint*)target, bytes / sizeof(uint), (uint)_filler);
                break;
            default:
                Fill((ulong*)target, bytes / sizeof(ulong), (ulong)_filler);
                break;
        }
    }

    // Spans end where 32-bit numbers do.
    private static void Fill<T>(T* target, long count, T filler)
        where T : unmanaged
    {
        const int Most = 1 << 20;
        for (long start = 0; start < count; start += Most)
        {
            new Span<T>(target + start, (int)Math.Min(Most, count - start)).Fill(filler);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void Gather<T>(T* source, T* target, T filler)
        where T : unmanaged
    {
        int[] indices = _inner;
        if (_hasFillers)
        {
            for (int i = 0; i < indices.Length; i++)
            {
                target[i] = indices[i] < 0 ? filler : source[indices[i]];
            }

            return;
        }

        for (int i = 0; i < indices.Length; i++)
        {
            target[i] = source[indices[i]];
        }
    }

    // Each element twice.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Double(uint* source, uint* target, int length)
    {
        int width = Vector<uint>.Count;
        int i = 0;
        for (; i + width <= length; i += width)
        {
            Vector.Widen(Vector.Load(source + i), out Vector<ulong> low, out Vector<ulong> high);
            Vector.AsVectorUInt32(low | (low << 32)).Store(target + 2 * i);
            Vector.AsVectorUInt32(high | (high << 32)).Store(target + 2 * i + width);
        }

        for (; i < length; i++)
        {
            target[2 * i] = source[i];
            target[2 * i + 1] = source[i];
        }
    }

    // The same for bytes.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Double(byte* source, byte* target, int length)
    {
        int width = Vector<byte>.Count;
        int i = 0;
        for (; i + width <= length; i += width)
        {
            Vector.Widen(Vector.Load(source + i), out Vector<ushort> low, out Vector<ushort> high);
            Vector.AsVectorByte(low | (low << 8)).Store(target + 2 * i);
            Vector.AsVectorByte(high | (high << 8)).Store(target + 2 * i + width);
        }

        for (; i < length; i++)
        {
            target[2 * i] = source[i];
            target[2 * i + 1] = source[i];
        }
    }

    private static bool IsDoubled(int[] indices)
    {
        for (int i = 0; i < indices.Length; i++)
        {
            if (indices[i] != i / 2)
            {
                return false;
            }
        }

        return indices.Length % 2 == 0;
    }

    // A dimension in front of the rows, its length in the output, and the blocks of the input between two of its positions.
    private readonly record struct Dimension(int[]? Table, long Length, long Stride);
}
