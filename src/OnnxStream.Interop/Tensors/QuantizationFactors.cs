using System.Numerics;
using System.Runtime.CompilerServices;

namespace OnnxStream.Interop.Tensors;

/// <summary>The scales and zero points of a rectangle of a quantized weight, in single precision.</summary>
internal readonly unsafe struct QuantizationFactors
{
    private readonly WeightQuantization _quantization;
    private readonly long _firstRow;
    private readonly long _firstColumn;
    private readonly long _columns;
    private readonly float* _scales;
    private readonly float* _zeroPoints;

    /// <summary>Reads them.</summary>
    /// <param name="quantization">The quantization of the weight.</param>
    /// <param name="firstRow">The first row of the rectangle.</param>
    /// <param name="rows">Its rows.</param>
    /// <param name="firstColumn">Its first column.</param>
    /// <param name="columns">Its columns.</param>
    /// <param name="memory">Memory of <see cref="Bytes"/> of that rectangle, where they go.</param>
    /// <exception cref="WeightsException">They cannot be read.</exception>
    public QuantizationFactors(WeightQuantization quantization, long firstRow, long rows, long firstColumn, long columns, float* memory)
    {
        _quantization = quantization;
        _firstRow = firstRow / quantization.RowBlock;
        _firstColumn = firstColumn / quantization.ColumnBlock;
        _columns = Blocks(firstColumn, columns, quantization.ColumnBlock);
        long blocks = Blocks(firstRow, rows, quantization.RowBlock);
        _scales = memory;
        Read(quantization.Scales, quantization.BlocksInRow, _scales, blocks);
        _zeroPoints = null;
        if (quantization.ZeroPoints is { } zeroPoints)
        {
            _zeroPoints = memory + blocks * _columns;
            if (quantization.HasOneZeroPoint)
            {
                new Span<float>(_zeroPoints, checked((int)(blocks * _columns))).Fill(QuantizedNumbers.Read(zeroPoints));
            }
            else
            {
                Read(zeroPoints, quantization.ZeroPointStride, _zeroPoints, blocks);
            }
        }
    }

    /// <summary>The memory for any rectangle of a size.</summary>
    /// <param name="quantization">The quantization.</param>
    /// <param name="rows">Its rows.</param>
    /// <param name="columns">Its columns.</param>
    public static long Bytes(WeightQuantization quantization, long rows, long columns) =>
        (quantization.ZeroPoints is null ? 1 : 2) * sizeof(float) * Most(rows, quantization.RowBlock) * Math.Min(Most(columns, quantization.ColumnBlock), quantization.BlocksInRow);

    /// <summary>Turns stored numbers of a row into real ones.</summary>
    /// <param name="row">The row.</param>
    /// <param name="firstColumn">The column of the first.</param>
    /// <param name="numbers">The stored numbers; receives the real ones.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void Apply(long row, long firstColumn, Span<float> numbers)
    {
        long start = (row / _quantization.RowBlock - _firstRow) * _columns;
        long block = _quantization.ColumnBlock;
        if (block == 1)
        {
            start += firstColumn - _firstColumn;
            Apply(_scales + start, _zeroPoints is null ? null : _zeroPoints + start, numbers);
            return;
        }

        while (numbers.Length > 0)
        {
            long column = firstColumn / block;
            int count = (int)Math.Min(numbers.Length, (column + 1) * block - firstColumn);
            long index = start + column - _firstColumn;
            Apply(_scales[index], _zeroPoints is null ? 0 : _zeroPoints[index], numbers[..count]);
            numbers = numbers[count..];
            firstColumn += count;
        }
    }

    private static void Apply(float scale, float zeroPoint, Span<float> numbers)
    {
        int i = 0;
        for (; i <= numbers.Length - Vector<float>.Count; i += Vector<float>.Count)
        {
            Span<float> part = numbers[i..];
            ((new Vector<float>(part) - new Vector<float>(zeroPoint)) * new Vector<float>(scale)).CopyTo(part);
        }

        for (; i < numbers.Length; i++)
        {
            numbers[i] = (numbers[i] - zeroPoint) * scale;
        }
    }

    private static void Apply(float* scales, float* zeroPoints, Span<float> numbers)
    {
        int i = 0;
        for (; i <= numbers.Length - Vector<float>.Count; i += Vector<float>.Count)
        {
            Span<float> part = numbers[i..];
            Vector<float> stored = new(part);
            stored = zeroPoints is null ? stored : stored - Vector.Load(zeroPoints + i);
            (stored * Vector.Load(scales + i)).CopyTo(part);
        }

        for (; i < numbers.Length; i++)
        {
            numbers[i] = (numbers[i] - (zeroPoints is null ? 0 : zeroPoints[i])) * scales[i];
        }
    }

    private static long Blocks(long first, long count, long block) => (first + count + block - 1) / block - first / block;

    // A rectangle may begin and end inside of a block.
    private static long Most(long count, long block) => (count + block - 1) / block + (block == 1 ? 0 : 1);

    private void Read(Constant constant, long stride, float* destination, long rows)
    {
        if (_columns == stride)
        {
            QuantizedNumbers.Read(constant, _firstRow * stride, new Span<float>(destination, checked((int)(rows * _columns))));
            return;
        }

        for (long row = 0; row < rows; row++)
        {
            QuantizedNumbers.Read(constant, (_firstRow + row) * stride + _firstColumn, new Span<float>(destination + row * _columns, (int)_columns));
        }
    }
}
