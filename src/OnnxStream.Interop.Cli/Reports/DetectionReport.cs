namespace OnnxStream.Interop.Cli.Reports;

/// <summary>What <c>detect --json</c> prints. Names in the JSON are the properties' in snake case.</summary>
/// <param name="File">The picture.</param>
/// <param name="Width">Its width in pixels.</param>
/// <param name="Height">Its height in pixels.</param>
/// <param name="Objects">What was found, the surest first.</param>
/// <param name="Output">Where the picture with frames was written; null if it was not.</param>
/// <param name="LoadS">Seconds to open the model.</param>
/// <param name="TotalS">Seconds to look for objects.</param>
/// <param name="PeakRssBytes">The most memory that the process had resident, as the operating system counts it.</param>
/// <param name="PeakNativeBytes">The most memory that the library held in native buffers, weights in use included.</param>
internal sealed record DetectionReport(
    string File, int Width, int Height, IReadOnlyList<DetectedObjectReport> Objects, string? Output, double LoadS, double TotalS, long PeakRssBytes, long PeakNativeBytes);

/// <summary>An object.</summary>
/// <param name="Class">The number of its class.</param>
/// <param name="Label">The name of its class.</param>
/// <param name="Score">How sure it is, 0 to 1.</param>
/// <param name="Box">Left, top, right and bottom edge in pixels.</param>
internal sealed record DetectedObjectReport(int Class, string Label, float Score, IReadOnlyList<float> Box);
