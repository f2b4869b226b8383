namespace OnnxStream.Interop.Cli.Reports;

/// <summary>What <c>onnxstream quantize</c> did.</summary>
/// <param name="Model">The file or folder that was written.</param>
/// <param name="Scheme">What has fewer bits, as --scheme names it.</param>
/// <param name="Error">The error of the outputs, as a part of their root mean square; null where it was not measured.</param>
/// <param name="RandomInputs">Whether it was measured, and ranges were found, on made-up inputs.</param>
/// <param name="TargetError">The error that was asked for.</param>
/// <param name="OriginalBytes">The bytes of the weights of all layers before.</param>
/// <param name="Bytes">The bytes of these weights now.</param>
/// <param name="TimeS">Seconds for all of it.</param>
/// <param name="PeakRssBytes">The most memory that the process had.</param>
/// <param name="Layers">What became of each layer.</param>
internal sealed record QuantizeReport(
    string Model, string Scheme, double? Error, bool RandomInputs, double? TargetError, long OriginalBytes, long Bytes, double TimeS, long PeakRssBytes, IReadOnlyList<QuantizeLayerReport> Layers);
