namespace OnnxStream.Interop.Cli.Reports;

/// <summary>What <c>remove-background --json</c> prints. Names in the JSON are the properties' in snake case.</summary>
/// <param name="File">The picture.</param>
/// <param name="Output">The picture without its background.</param>
/// <param name="Width">Its width in pixels.</param>
/// <param name="Height">Its height in pixels.</param>
/// <param name="ObjectPart">The part of the picture that is left, 0 to 1.</param>
/// <param name="LoadS">Seconds to open the model.</param>
/// <param name="TotalS">Seconds to remove the background.</param>
/// <param name="PeakRssBytes">The most memory that the process had resident, as the operating system counts it.</param>
/// <param name="PeakNativeBytes">The most memory that the library held in native buffers, weights in use included.</param>
internal sealed record BackgroundReport(string File, string Output, int Width, int Height, double ObjectPart, double LoadS, double TotalS, long PeakRssBytes, long PeakNativeBytes);
