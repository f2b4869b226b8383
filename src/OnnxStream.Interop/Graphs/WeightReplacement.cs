using OnnxStream.Interop.Weights;

namespace OnnxStream.Interop;

/// <summary>What takes the place of a weight: bytes of any source, which are read when the weight is needed.</summary>
/// <param name="Source">Where they lie. Its id, length and version tell the weights apart from the model's own: a panel store that was made of other ones is not used.</param>
/// <param name="Offset">The first byte.</param>
/// <param name="ElementType">Their type: the weight's own, or another floating-point type where the model computes with single precision.</param>
public sealed record WeightReplacement(WeightSource Source, long Offset, ElementType ElementType)
{
    /// <summary>Whether a matrix [rows, columns] lies as [columns, rows].</summary>
    public bool IsTransposed { get; init; }

    /// <summary>Whether a weight of the shape [N, C, space…] lies as [N, space…, C].</summary>
    public bool IsChannelsLast { get; init; }

    /// <summary>The number of rows, for a table of which rows are taken (an embedding) that has more of them than the model's; null for as many.</summary>
    public long? Rows { get; init; }
}
