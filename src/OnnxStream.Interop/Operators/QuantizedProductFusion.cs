using OnnxStream.Interop.Graphs;

namespace OnnxStream.Interop.Operators;

/// <summary>For <see cref="QuantizedProduct"/>.</summary>
/// <param name="Result">The type of the results: single precision, int32, uint8 or int8.</param>
internal sealed record QuantizedProductFusion(ElementType Result) : NodeFusion
{
    /// <summary>Whether it is a convolution instead of a product of matrices.</summary>
    public bool IsConvolution { get; init; }

    /// <summary>Whether data and results of a convolution are [N,H,W,C] instead of [N,C,H,W].</summary>
    public bool IsChannelsLast { get; init; }

    /// <summary>Whether a matrix is [N,K] instead of [K,N].</summary>
    public bool IsTransposed { get; init; }

    /// <summary>The limits of the results, before they are quantized; null for none.</summary>
    public ResultLimits? Limits { get; init; }
}
