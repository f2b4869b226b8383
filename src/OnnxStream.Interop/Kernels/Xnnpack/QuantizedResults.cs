namespace OnnxStream.Interop.Kernels;

/// <summary>What becomes of exact sums of products of 8-bit integers.</summary>
internal sealed record QuantizedResults
{
    /// <summary>Single precision, int32 (then the sums are the results), uint8 or int8.</summary>
    public required ElementType Type { get; init; }

    /// <summary>The scale of the weights of each output channel.</summary>
    public required float[] Scales { get; init; }

    /// <summary>The bias of each output channel; null for none, or for one that is packed with the weights.</summary>
    public float[]? Bias { get; init; }

    /// <summary>For each output channel, what is to be added to each of its packed weights; null if nothing is.</summary>
    public float[]? Corrections { get; init; }

    /// <summary>The least result, before it is quantized.</summary>
    public float Low { get; init; } = float.NegativeInfinity;

    /// <summary>The greatest result, before it is quantized.</summary>
    public float High { get; init; } = float.PositiveInfinity;

    /// <summary>Whether XNNPACK's results are these: it scales, adds the bias and limits.</summary>
    public bool IsScaledByProduct => Type == ElementType.Float32 && Corrections is null;
}
