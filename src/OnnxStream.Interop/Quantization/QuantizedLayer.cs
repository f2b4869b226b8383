namespace OnnxStream.Interop;

/// <summary>What became of a weight of a model, and of the layer that it belongs to.</summary>
/// <param name="NodeName">The node that uses it; the first one where there are several.</param>
/// <param name="OperatorType">The operator of that node.</param>
/// <param name="WeightName">The name of the weight.</param>
/// <param name="ElementType">The type that the weight is stored in: <see cref="ElementType.Int8"/>, <see cref="ElementType.Int4"/>, <see cref="ElementType.UInt8"/>, or the one that it had.</param>
/// <param name="HasQuantizedData">Whether what the weight is multiplied with is rounded to 8 bits as well.</param>
/// <param name="OriginalBytes">The bytes of the weight before.</param>
/// <param name="Bytes">The bytes of the weight now, scales included.</param>
public sealed record QuantizedLayer(string NodeName, string OperatorType, string WeightName, ElementType ElementType, bool HasQuantizedData, long OriginalBytes, long Bytes)
{
    /// <summary>The power of the weights over that of what rounding changes in them, in decibels; null where they stay as they are.</summary>
    public double? WeightSignalToNoise { get; init; }

    /// <summary>The power of the data over that of what rounding changes in them, in decibels; null where they stay as they are, or nothing is known of them.</summary>
    public double? DataSignalToNoise { get; init; }

    /// <summary>The power of the layer's own results over that of their error, in decibels, if the errors of weights and data have nothing to do with one another; null where nothing is rounded.</summary>
    public double? SignalToNoise { get; init; }

    /// <summary>What the layer adds to the error of the outputs, by prediction: errors add as squares. Null where nothing was predicted.</summary>
    public double? PredictedError { get; init; }

    /// <summary>Why less is rounded than the scheme says; null where all of it is.</summary>
    public string? Reason { get; init; }
}
