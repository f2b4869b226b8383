using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.Arm;
using System.Runtime.Intrinsics.X86;
using OnnxStream.Interop.Native;

namespace OnnxStream.Interop.Kernels;

/// <summary>Permutes dimensions of which another one becomes the innermost: matrices of that one and the innermost one are turned in blocks.</summary>
/// <remarks>
/// A block is turned in registers, by interleaving its rows. Blocks make tiles, of which whole cache lines are read and written at a time, because
/// of rows that lie powers of two apart few fit into the cache. Where one of the two dimensions is shorter than a block, elements are copied one by one.
/// </remarks>
/// <typeparam name="T">A type as large as the elements.</typeparam>
internal sealed unsafe class BlockTranspose<T> : Kernel, IParallelBody
    where T : unmanaged
{
    // The sides of what is turned at a time: of a part of a matrix, and in it of a tile of whole cache lines.
    private const long PartSide = 128;
    private const int LineBytes = 64;

    private const long PieceElements = 32 << 10;

    // Matrices that lie in a processor's own cache as a whole are turned without tiles, unless their rows or columns lie so far apart that they share few places in it.
    private const long MostCachedBytes = 256 << 10;
    private const long CrowdedStride = 512;

    private readonly long[] _outer;
    private readonly long[] _outerFrom;
    private readonly long[] _outerTo;
    private readonly long _rows;
    private readonly long _columns;
    private readonly long _rowStride;
    private readonly long _columnStride;
    private readonly long _rowParts;
    private readonly long _columnParts;
    private readonly long _parts;
    private readonly long _partsPerPiece;
    private KernelContext? _context;

    /// <summary>Makes the kernel.</summary>
    /// <param name="dimensions">What moves where, joined; the innermost dimension must not stay it.</param>
    public BlockTranspose(TransposeDimensions dimensions)
    {
        (long[] lengths, int[] order) = dimensions;
        int rank = lengths.Length;
        long[] from = new long[rank];
        long[] to = new long[rank];
        long stride = 1;
        for (int i = rank - 1; i >= 0; i--)
        {
            from[i] = stride;
            stride *= lengths[i];
        }

        stride = 1;
        for (int i = rank - 1; i >= 0; i--)
        {
            to[order[i]] = stride;
            stride *= lengths[order[i]];
        }

        // Rows of the matrices are rows of the input, and columns of the output.
        int row = order[^1];
        (_rows, _rowStride) = (lengths[row], from[row]);
        (_columns, _columnStride) = (lengths[^1], to[rank - 1]);
        int[] outer = [.. order[..^1].Where(axis => axis != rank - 1)];
        _outer = Array.ConvertAll(outer, axis => lengths[axis]);
        _outerFrom = Array.ConvertAll(outer, axis => from[axis]);
        _outerTo = Array.ConvertAll(outer, axis => to[axis]);

        // A short side makes the other one longer.
        long rowSide = Math.Max(PartSide, PartSide * PartSide / Math.Min(PartSide, _columns));
        long columnSide = Math.Max(PartSide, PartSide * PartSide / Math.Min(PartSide, _rows));
        RowSide = rowSide;
        ColumnSide = columnSide;
        _rowParts = (_rows + rowSide - 1) / rowSide;
        _columnParts = (_columns + columnSide - 1) / columnSide;
        long matrices = stride == 0 ? 0 : stride / (_rows * _columns);
        _parts = matrices * _rowParts * _columnParts;
        _partsPerPiece = Math.Max(1, PieceElements / Math.Max(1, Math.Min(rowSide, _rows) * Math.Min(columnSide, _columns)));
    }

    /// <inheritdoc/>
    public override string Name => "transpose";

    private long RowSide { get; }

    private long ColumnSide { get; }

    private bool IsCached => _rows * _columns * sizeof(T) <= MostCachedBytes && _rowStride * sizeof(T) % CrowdedStride != 0 && _columnStride * sizeof(T) % CrowdedStride != 0;

    // Rows and columns of a block.
    private static int BlockRows => sizeof(T) switch { 1 or 2 => 8, 4 => 4, _ => 2 };

    private static int BlockColumns => Vector128<byte>.Count / sizeof(T);

    private static bool HasBlocks => Sse2.IsSupported || AdvSimd.Arm64.IsSupported;

    /// <inheritdoc/>
    public override void Run(KernelContext context)
    {
        _context = context;
        context.Workers.Parallelize(this, checked((int)((_parts + _partsPerPiece - 1) / _partsPerPiece)), _parts * Math.Min(RowSide, _rows) * Math.Min(ColumnSide, _columns));
        _context = null;
    }

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void Execute(int index)
    {
        long last = Math.Min((index + 1) * _partsPerPiece, _parts);
        for (long part = index * _partsPerPiece; part < last; part++)
        {
            // Parts along the rows come first: they continue what was written.
            (long rest, long rowPart) = Math.DivRem(part, _rowParts);
            (rest, long columnPart) = Math.DivRem(rest, _columnParts);
            long row = rowPart * RowSide;
            long column = columnPart * ColumnSide;
            long from = row * _rowStride + column;
            long to = column * _columnStride + row;
            for (int i = _outer.Length - 1; i >= 0; i--)
            {
                (rest, long position) = Math.DivRem(rest, _outer[i]);
                from += position * _outerFrom[i];
                to += position * _outerTo[i];
            }

            Turn((T*)_context!.Input(0) + from, (T*)_context.Output(0) + to, Math.Min(RowSide, _rows - row), Math.Min(ColumnSide, _columns - column));
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void Turn(T* input, T* output, long rows, long columns)
    {
        if (!HasBlocks || rows < BlockRows || columns < BlockColumns)
        {
            CopyElements(input, output, rows, columns);
            return;
        }

        if (IsCached)
        {
            TurnCached(input, output, rows, columns);
            return;
        }

        // Tiles are as large as the part, or whole lines of which the last overlaps the one before.
        int line = LineBytes / sizeof(T);
        long height = Math.Min(line, rows);
        long width = Math.Min(line, columns);
        T* tile = stackalloc T[line * line];
        for (long column = 0; column < columns; column += width)
        {
            long firstColumn = Math.Min(column, columns - width);
            for (long row = 0; row < rows; row += height)
            {
                long firstRow = Math.Min(row, rows - height);
                TurnTile(input + firstRow * _rowStride + firstColumn, output + firstColumn * _columnStride + firstRow, (int)height, (int)width, tile);
            }
        }
    }

    // Block by block along the lines of the output. The last blocks overlap those before.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void TurnCached(T* input, T* output, long rows, long columns)
    {
        (long rowStride, long columnStride) = (_rowStride, _columnStride);
        for (long column = 0; column < columns; column += BlockColumns)
        {
            long firstColumn = Math.Min(column, columns - BlockColumns);
            T* source = input + firstColumn;
            T* target = output + firstColumn * columnStride;
            long row = 0;
            for (; row <= rows - BlockRows; row += BlockRows)
            {
                TurnBlock(source + row * rowStride, rowStride, target + row, columnStride);
            }

            if (row < rows)
            {
                row = rows - BlockRows;
                TurnBlock(source + row * rowStride, rowStride, target + row, columnStride);
            }
        }
    }

    // Lines of the input are read whole, and so are those of the output written: where rows lie powers of two apart, few of them fit into the cache.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void TurnTile(T* input, T* output, int rows, int columns, T* tile)
    {
        long line = LineBytes / sizeof(T);
        for (int row = 0; row < rows; row += BlockRows)
        {
            // The last blocks overlap those before.
            int firstRow = Math.Min(row, rows - BlockRows);
            T* source = input + firstRow * _rowStride;
            for (int column = 0; column < columns; column += BlockColumns)
            {
                int firstColumn = Math.Min(column, columns - BlockColumns);
                TurnBlock(source + firstColumn, _rowStride, tile + firstColumn * line + firstRow, line);
            }
        }

        if (rows == line)
        {
            for (int column = 0; column < columns; column++)
            {
                byte* from = (byte*)(tile + column * line);
                byte* to = (byte*)(output + column * _columnStride);
                Vector256<byte> first = Vector256.Load(from);
                Vector256<byte> second = Vector256.Load(from + Vector256<byte>.Count);
                first.Store(to);
                second.Store(to + Vector256<byte>.Count);
            }

            return;
        }

        for (int column = 0; column < columns; column++)
        {
            ShortCopy.Copy((byte*)(tile + column * line), (byte*)(output + column * _columnStride), rows * sizeof(T));
        }
    }

    // The longer side is walked in the inner loop.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void CopyElements(T* input, T* output, long rows, long columns)
    {
        (long rowStride, long columnStride) = (_rowStride, _columnStride);
        if (rows > columns)
        {
            for (long column = 0; column < columns; column++)
            {
                T* source = input + column;
                T* target = output + column * columnStride;
                for (long row = 0; row < rows; row++, source += rowStride)
                {
                    target[row] = *source;
                }
            }

            return;
        }

        for (long row = 0; row < rows; row++)
        {
            T* source = input + row * rowStride;
            T* target = output + row;
            for (long column = 0; column < columns; column++, target += columnStride)
            {
                *target = source[column];
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void TurnBlock(T* source, long from, T* target, long to)
    {
        switch (sizeof(T))
        {
            case 1:
                TurnBytes((byte*)source, from, (byte*)target, to);
                break;
            case 2:
                TurnPairs((ushort*)source, from, (ushort*)target, to);
                break;
            case 4:
                TurnWords((uint*)source, from, (uint*)target, to);
                break;
            default:
                TurnLongWords((ulong*)source, from, (ulong*)target, to);
                break;
        }
    }

    // Eight rows of sixteen become sixteen rows of eight.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void TurnBytes(byte* source, long from, byte* target, long to)
    {
        Vector128<byte> a = Vector128.Load(source);
        Vector128<byte> b = Vector128.Load(source + from);
        Vector128<byte> c = Vector128.Load(source + 2 * from);
        Vector128<byte> d = Vector128.Load(source + 3 * from);
        Vector128<byte> e = Vector128.Load(source + 4 * from);
        Vector128<byte> f = Vector128.Load(source + 5 * from);
        Vector128<byte> g = Vector128.Load(source + 6 * from);
        Vector128<byte> h = Vector128.Load(source + 7 * from);
        (Vector128<ushort> ab0, Vector128<ushort> ab1) = (Low(a, b).AsUInt16(), High(a, b).AsUInt16());
        (Vector128<ushort> cd0, Vector128<ushort> cd1) = (Low(c, d).AsUInt16(), High(c, d).AsUInt16());
        (Vector128<ushort> ef0, Vector128<ushort> ef1) = (Low(e, f).AsUInt16(), High(e, f).AsUInt16());
        (Vector128<ushort> gh0, Vector128<ushort> gh1) = (Low(g, h).AsUInt16(), High(g, h).AsUInt16());
        TurnQuarter(Low(ab0, cd0).AsUInt32(), Low(ef0, gh0).AsUInt32(), target, to);
        TurnQuarter(High(ab0, cd0).AsUInt32(), High(ef0, gh0).AsUInt32(), target + 4 * to, to);
        TurnQuarter(Low(ab1, cd1).AsUInt32(), Low(ef1, gh1).AsUInt32(), target + 8 * to, to);
        TurnQuarter(High(ab1, cd1).AsUInt32(), High(ef1, gh1).AsUInt32(), target + 12 * to, to);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void TurnQuarter(Vector128<uint> first, Vector128<uint> second, byte* target, long to)
    {
        Vector128<ulong> low = Low(first, second).AsUInt64();
        Vector128<ulong> high = High(first, second).AsUInt64();
        *(ulong*)target = low.ToScalar();
        *(ulong*)(target + to) = low.GetElement(1);
        *(ulong*)(target + 2 * to) = high.ToScalar();
        *(ulong*)(target + 3 * to) = high.GetElement(1);
    }

    // Eight rows of eight.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void TurnPairs(ushort* source, long from, ushort* target, long to)
    {
        Vector128<ushort> a = Vector128.Load(source);
        Vector128<ushort> b = Vector128.Load(source + from);
        Vector128<ushort> c = Vector128.Load(source + 2 * from);
        Vector128<ushort> d = Vector128.Load(source + 3 * from);
        Vector128<ushort> e = Vector128.Load(source + 4 * from);
        Vector128<ushort> f = Vector128.Load(source + 5 * from);
        Vector128<ushort> g = Vector128.Load(source + 6 * from);
        Vector128<ushort> h = Vector128.Load(source + 7 * from);
        (Vector128<uint> ab0, Vector128<uint> ab1) = (Low(a, b).AsUInt32(), High(a, b).AsUInt32());
        (Vector128<uint> cd0, Vector128<uint> cd1) = (Low(c, d).AsUInt32(), High(c, d).AsUInt32());
        (Vector128<uint> ef0, Vector128<uint> ef1) = (Low(e, f).AsUInt32(), High(e, f).AsUInt32());
        (Vector128<uint> gh0, Vector128<uint> gh1) = (Low(g, h).AsUInt32(), High(g, h).AsUInt32());
        StorePair(Low(ab0, cd0).AsUInt64(), Low(ef0, gh0).AsUInt64(), target, to);
        StorePair(High(ab0, cd0).AsUInt64(), High(ef0, gh0).AsUInt64(), target + 2 * to, to);
        StorePair(Low(ab1, cd1).AsUInt64(), Low(ef1, gh1).AsUInt64(), target + 4 * to, to);
        StorePair(High(ab1, cd1).AsUInt64(), High(ef1, gh1).AsUInt64(), target + 6 * to, to);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void StorePair(Vector128<ulong> first, Vector128<ulong> second, ushort* target, long to)
    {
        Low(first, second).AsUInt16().Store(target);
        High(first, second).AsUInt16().Store(target + to);
    }

    // Four rows of four.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void TurnWords(uint* source, long from, uint* target, long to)
    {
        Vector128<uint> a = Vector128.Load(source);
        Vector128<uint> b = Vector128.Load(source + from);
        Vector128<uint> c = Vector128.Load(source + 2 * from);
        Vector128<uint> d = Vector128.Load(source + 3 * from);
        (Vector128<ulong> ab0, Vector128<ulong> ab1) = (Low(a, b).AsUInt64(), High(a, b).AsUInt64());
        (Vector128<ulong> cd0, Vector128<ulong> cd1) = (Low(c, d).AsUInt64(), High(c, d).AsUInt64());
        Low(ab0, cd0).AsUInt32().Store(target);
        High(ab0, cd0).AsUInt32().Store(target + to);
        Low(ab1, cd1).AsUInt32().Store(target + 2 * to);
        High(ab1, cd1).AsUInt32().Store(target + 3 * to);
    }

    // Two rows of two.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void TurnLongWords(ulong* source, long from, ulong* target, long to)
    {
        Vector128<ulong> a = Vector128.Load(source);
        Vector128<ulong> b = Vector128.Load(source + from);
        Low(a, b).Store(target);
        High(a, b).Store(target + to);
    }

    // The first halves of two vectors, element by element in turns.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<TLane> Low<TLane>(Vector128<TLane> left, Vector128<TLane> right)
    {
        if (Unsafe.SizeOf<TLane>() == 1)
        {
            return (Sse2.IsSupported ? Sse2.UnpackLow(left.AsByte(), right.AsByte()) : AdvSimd.Arm64.ZipLow(left.AsByte(), right.AsByte())).As<byte, TLane>();
        }

        if (Unsafe.SizeOf<TLane>() == 2)
        {
            return (Sse2.IsSupported ? Sse2.UnpackLow(left.AsUInt16(), right.AsUInt16()) : AdvSimd.Arm64.ZipLow(left.AsUInt16(), right.AsUInt16())).As<ushort, TLane>();
        }

        if (Unsafe.SizeOf<TLane>() == 4)
        {
            return (Sse2.IsSupported ? Sse2.UnpackLow(left.AsUInt32(), right.AsUInt32()) : AdvSimd.Arm64.ZipLow(left.AsUInt32(), right.AsUInt32())).As<uint, TLane>();
        }

        return (Sse2.IsSupported ? Sse2.UnpackLow(left.AsUInt64(), right.AsUInt64()) : AdvSimd.Arm64.ZipLow(left.AsUInt64(), right.AsUInt64())).As<ulong, TLane>();
    }

    // The second halves.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<TLane> High<TLane>(Vector128<TLane> left, Vector128<TLane> right)
    {
        if (Unsafe.SizeOf<TLane>() == 1)
        {
            return (Sse2.IsSupported ? Sse2.UnpackHigh(left.AsByte(), right.AsByte()) : AdvSimd.Arm64.ZipHigh(left.AsByte(), right.AsByte())).As<byte, TLane>();
        }

        if (Unsafe.SizeOf<TLane>() == 2)
        {
            return (Sse2.IsSupported ? Sse2.UnpackHigh(left.AsUInt16(), right.AsUInt16()) : AdvSimd.Arm64.ZipHigh(left.AsUInt16(), right.AsUInt16())).As<ushort, TLane>();
        }

        if (Unsafe.SizeOf<TLane>() == 4)
        {
            return (Sse2.IsSupported ? Sse2.UnpackHigh(left.AsUInt32(), right.AsUInt32()) : AdvSimd.Arm64.ZipHigh(left.AsUInt32(), right.AsUInt32())).As<uint, TLane>();
        }

        return (Sse2.IsSupported ? Sse2.UnpackHigh(left.AsUInt64(), right.AsUInt64()) : AdvSimd.Arm64.ZipHigh(left.AsUInt64(), right.AsUInt64())).As<ulong, TLane>();
    }
}
