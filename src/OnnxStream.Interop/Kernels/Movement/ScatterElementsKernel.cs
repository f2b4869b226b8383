using System.Numerics;
using System.Runtime.CompilerServices;
using OnnxStream.Interop.Native;

namespace OnnxStream.Interop.Kernels;

/// <summary>Copies a tensor and changes single elements of it, in the order of the updates.</summary>
/// <remarks>Updates of one element come from one row of the indices, or from one place of several rows: threads take rows or places, and the order of updates stays.</remarks>
internal sealed unsafe class ScatterElementsKernel<T, TFunction>(Shape data, Shape indices, int axis) : Kernel, IParallelBody
    where T : unmanaged
    where TFunction : IBinaryFunction<T, T>
{
    private const int PieceElements = 16 << 10;

    // A line of the cache belongs to one thread.
    private const long LeastPlaces = 64;

    // Elements lie anywhere: one costs as much as so many operations of a register.
    private const long OperationsPerElement = 4;

    private readonly LinesAlongAxis _lines = new(data, indices, axis);
    private readonly long _rows = indices.ElementCount / Math.Max(1, indices[^1]);
    private readonly long _dataBytes = data.ElementCount * sizeof(T);
    private KernelContext? _context;

    /// <inheritdoc/>
    public override string Name => "scatter elements";

    private bool TakesRows => _lines.PlaceStride == 0;

    private long PieceLength => TakesRows
        ? Math.Max(1, PieceElements / Math.Max(1, _lines.RowLength))
        : Math.Max(LeastPlaces, PieceElements / Math.Max(1, _rows));

    /// <inheritdoc/>
    public override bool CanRunInPlace(int input) => input == 0;

    /// <inheritdoc/>
    public override void Run(KernelContext context)
    {
        new IndexTensor(context, 1).Check(context, _lines.IndexCount, _lines.AxisSize);
        if (context.Input(0) != context.Output(0))
        {
            Buffer.MemoryCopy(context.Input(0), context.Output(0), _dataBytes, _dataBytes);
        }

        _context = context;
        long pieces = ((TakesRows ? _rows : _lines.RowLength) + PieceLength - 1) / PieceLength;
        context.Workers.Parallelize(this, checked((int)pieces), _lines.IndexCount * OperationsPerElement);
        _context = null;
    }

    /// <inheritdoc/>
    public void Execute(int index)
    {
        long first = index * PieceLength;
        (long firstRow, long endRow) = TakesRows ? (first, Math.Min(_rows, first + PieceLength)) : (0, _rows);
        (long firstPlace, long endPlace) = TakesRows ? (0, _lines.RowLength) : (first, Math.Min(_lines.RowLength, first + PieceLength));
        IndexTensor elements = new(_context!, 1);
        for (long row = firstRow; row < endRow; row++)
        {
            long start = row * _lines.RowLength + firstPlace;
            T* line = (T*)_context!.Output(0) + _lines.RowOffset(row) + firstPlace * _lines.PlaceStride;
            T* updates = (T*)_context.Input(2) + start;
            if (elements.Wide is not null and var wide)
            {
                Scatter(wide + start, endPlace - firstPlace, line, updates);
            }
            else
            {
                Scatter(elements.Narrow + start, endPlace - firstPlace, line, updates);
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void Scatter<TIndex>(TIndex* places, long count, T* line, T* updates)
        where TIndex : unmanaged, IBinaryInteger<TIndex>
    {
        (long size, long axisStride, long placeStride) = (_lines.AxisSize, _lines.AxisStride, _lines.PlaceStride);
        for (long i = 0; i < count; i++, line += placeStride)
        {
            long index = long.CreateTruncating(places[i]);
            T* element = line + (index + ((index >> 63) & size)) * axisStride;
            *element = TFunction.Invoke(*element, updates[i]);
        }
    }
}
