using OnnxStream.Interop.Weights;

namespace OnnxStream.Interop.Tensors;

/// <summary>How the stored integers, or small floats, of a weight stand for real numbers: real = (stored - zero point) · scale.</summary>
/// <remarks>
/// The elements, in the order in which they are stored, are taken as rows of <see cref="RowLength"/>, and rows and columns as blocks that share a scale
/// and a zero point. That covers one scale for all (a block is everything), one for each position along the first axis (a block is a row) or along the last
/// (a block is a column), and blocks along either. https://onnx.ai/onnx/operators/onnx__DequantizeLinear.html
/// </remarks>
internal sealed class WeightQuantization
{
    /// <summary>Describes a quantization.</summary>
    /// <param name="scales">One for each block, row by row.</param>
    /// <param name="zeroPoints">One for each block, or one for all; null where all are 0.</param>
    /// <param name="rowLength">The elements of a row.</param>
    /// <param name="rowBlock">The rows of a block.</param>
    /// <param name="columnBlock">The columns of a block.</param>
    public WeightQuantization(Constant scales, Constant? zeroPoints, long rowLength, long rowBlock, long columnBlock)
    {
        Scales = scales;
        ZeroPoints = zeroPoints;
        RowLength = rowLength;
        RowBlock = rowBlock;
        ColumnBlock = columnBlock;
        ZeroPointStride = BlocksInRow;
    }

    /// <summary>The scales: floating-point numbers, those of a row of blocks behind each other.</summary>
    public Constant Scales { get; }

    /// <summary>The zero points, in any type: one for each block, or one for all; null where all are 0.</summary>
    public Constant? ZeroPoints { get; }

    /// <summary>The elements of a row.</summary>
    public long RowLength { get; }

    /// <summary>The rows of a block.</summary>
    public long RowBlock { get; }

    /// <summary>The columns of a block. The last block of a row may have fewer.</summary>
    public long ColumnBlock { get; }

    /// <summary>The blocks beside each other.</summary>
    public long BlocksInRow => (RowLength + ColumnBlock - 1) / ColumnBlock;

    /// <summary>The zero points from a row of blocks to the next: more than <see cref="BlocksInRow"/> where rows are filled up to whole bytes.</summary>
    public long ZeroPointStride { get; init; }

    /// <summary>Whether there is one scale for all elements.</summary>
    public bool IsOfAll => Scales.Type.Shape.ElementCount == 1;

    /// <summary>Whether all blocks have the same zero point.</summary>
    public bool HasOneZeroPoint => ZeroPoints?.Type.Shape.ElementCount == 1;

    /// <summary>One scale and zero point for all elements.</summary>
    /// <param name="scale">The scale.</param>
    /// <param name="zeroPoint">The zero point.</param>
    /// <param name="elements">How many elements there are.</param>
    public static WeightQuantization OfAll(float scale, int zeroPoint, long elements) =>
        new(Constant.Of<float>(Shape.Scalar, scale), Constant.Of<int>(Shape.Scalar, zeroPoint), elements, 1, Math.Max(1, elements));

    /// <summary>The scale and the zero point of all elements, where there is one of each, in memory; null otherwise.</summary>
    public (float Scale, int ZeroPoint)? TryReadScalar() =>
        Scales is { Data: not null, Type.Shape.ElementCount: 1 } && ZeroPoints is null or { Data: not null } ? (QuantizedNumbers.Read(Scales), ZeroPoints is null ? 0 : (int)QuantizedNumbers.Read(ZeroPoints)) : null;

    /// <summary>Whether elements from <paramref name="first"/> on can be described on their own.</summary>
    public bool CanPart(long first) => IsOfAll || (first % RowLength == 0 && (IsOfColumns || (RowBlock == 1 ? HasOneZeroPoint || CanPartZeroPoints(first) : first == 0)));

    /// <summary>That of the elements from <paramref name="first"/> on.</summary>
    /// <param name="first">The first element.</param>
    /// <param name="count">How many.</param>
    public WeightQuantization Part(long first, long count)
    {
        if (IsOfAll)
        {
            return new WeightQuantization(Scales, ZeroPoints, Math.Max(1, count), 1, Math.Max(1, count));
        }

        if (IsOfColumns || first == 0)
        {
            return this;
        }

        long blocks = (count + RowLength - 1) / RowLength * BlocksInRow;
        long start = first / RowLength * BlocksInRow;
        return new WeightQuantization(Scales.Part(start, new Shape(blocks)), HasOneZeroPoint ? ZeroPoints : ZeroPoints?.Part(start, new Shape(blocks)), RowLength, RowBlock, ColumnBlock);
    }

    /// <summary>The same, read by a session's provider.</summary>
    public WeightQuantization ReadBy(RangeReader? reader) =>
        new(Scales.ReadBy(reader), ZeroPoints?.ReadBy(reader), RowLength, RowBlock, ColumnBlock) { ZeroPointStride = ZeroPointStride };

    private bool CanPartZeroPoints(long first) => ZeroPoints is null || (ZeroPointStride == BlocksInRow && ZeroPoints.CanPart(first / RowLength * BlocksInRow));

    // The same scales in each row.
    private bool IsOfColumns => Scales.Type.Shape.ElementCount == BlocksInRow;
}
