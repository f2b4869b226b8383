namespace OnnxStream.Interop.Panels;

/// <summary>A format in which a layer can be packed.</summary>
/// <param name="Type">The type that users know it by.</param>
/// <param name="Bytes">The bytes of the layer's panels.</param>
/// <param name="Loss">The square of the error of the layer's own results, as a part of their square, as it was measured (<see cref="LayerLoss"/>).</param>
internal readonly record struct FormatOption(ElementType Type, long Bytes, double Loss);
