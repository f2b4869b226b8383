namespace OnnxStream.Interop.Cli.Reports;

/// <summary>What became of a layer.</summary>
/// <param name="Node">The node.</param>
/// <param name="Operator">Its operator.</param>
/// <param name="Weight">The name of the weight.</param>
/// <param name="Type">The type of the weight now.</param>
/// <param name="QuantizedData">Whether data are rounded to 8 bits as well.</param>
/// <param name="OriginalBytes">The bytes of the weight before.</param>
/// <param name="Bytes">The bytes of the weight now.</param>
/// <param name="WeightSnrDb">The signal-to-noise ratio of the weight, in decibels; null where it stays as it is.</param>
/// <param name="DataSnrDb">That of the data.</param>
/// <param name="SnrDb">That of the layer's results, from both.</param>
/// <param name="PredictedError">What the layer adds to the error of the outputs, by prediction.</param>
/// <param name="Reason">Why less is rounded than was asked for.</param>
internal sealed record QuantizeLayerReport(
    string Node, string Operator, string Weight, string Type, bool QuantizedData, long OriginalBytes, long Bytes, double? WeightSnrDb, double? DataSnrDb, double? SnrDb, double? PredictedError, string? Reason)
{
    /// <summary>Describes a layer.</summary>
    public static QuantizeLayerReport Of(QuantizedLayer layer) => new(
        layer.NodeName, layer.OperatorType, layer.WeightName, layer.ElementType.ToOnnxName(), layer.HasQuantizedData, layer.OriginalBytes, layer.Bytes,
        layer.WeightSignalToNoise, layer.DataSignalToNoise, layer.SignalToNoise, layer.PredictedError, layer.Reason);
}
