namespace OnnxStream.Interop.Cli.Reports;

/// <summary>What <c>ocr --json</c> prints. Names in the JSON are the properties' in snake case.</summary>
/// <param name="File">The picture.</param>
/// <param name="Width">Its width in pixels.</param>
/// <param name="Height">Its height in pixels.</param>
/// <param name="Text">All lines, one below the other.</param>
/// <param name="Lines">The lines, in the order of reading.</param>
/// <param name="Output">Where the picture with frames was written; null if it was not.</param>
/// <param name="TotalS">Seconds to open the models and to read.</param>
/// <param name="PeakRssBytes">The most memory that the process had resident, as the operating system counts it.</param>
/// <param name="PeakNativeBytes">The most memory that one of the models' sessions held in native buffers, weights in use included.</param>
internal sealed record OcrReport(
    string File, int Width, int Height, string Text, IReadOnlyList<OcrLineReport> Lines, string? Output, double TotalS, long PeakRssBytes, long PeakNativeBytes);

/// <summary>A line of text.</summary>
/// <param name="Text">The text.</param>
/// <param name="Score">How sure it is, 0 to 1.</param>
/// <param name="Corners">x and y of its corners in pixels, the upper left one first, with the clock.</param>
/// <param name="UpsideDown">Whether it was turned around to be read.</param>
internal sealed record OcrLineReport(string Text, float Score, IReadOnlyList<float[]> Corners, bool UpsideDown);
