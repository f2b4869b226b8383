namespace OnnxStream.Interop;

/// <summary>What a quantization did.</summary>
/// <param name="Layers">The weights of products and convolutions, in the order of their use.</param>
/// <param name="MeasuredError">
/// The error of the outputs, measured in a run: the root mean square of an output's differences from what the model itself gives, as a part of the output's own; of several outputs the
/// largest. Null where it was not measured.
/// </param>
public sealed record QuantizationReport(IReadOnlyList<QuantizedLayer> Layers, double? MeasuredError)
{
    /// <summary>The bytes of the weights before.</summary>
    public long OriginalBytes => Layers.Sum(layer => layer.OriginalBytes);

    /// <summary>The bytes of the weights now, scales included.</summary>
    public long Bytes => Layers.Sum(layer => layer.Bytes);
}
