namespace OnnxStream.Interop.Cli.Reports;

/// <summary>What <c>classify --json</c> prints. Names in the JSON are the properties' in snake case.</summary>
/// <param name="File">The picture.</param>
/// <param name="Classes">What it shows, the surest first.</param>
/// <param name="LoadS">Seconds to open the model.</param>
/// <param name="TotalS">Seconds to look at the picture.</param>
/// <param name="PeakRssBytes">The most memory that the process had resident, as the operating system counts it.</param>
/// <param name="PeakNativeBytes">The most memory that the library held in native buffers, weights in use included.</param>
internal sealed record ClassificationReport(string File, IReadOnlyList<ImageClassReport> Classes, double LoadS, double TotalS, long PeakRssBytes, long PeakNativeBytes);

/// <summary>A class.</summary>
/// <param name="Class">Its number.</param>
/// <param name="Label">Its name.</param>
/// <param name="Probability">How sure it is, 0 to 1.</param>
internal sealed record ImageClassReport(int Class, string Label, float Probability);
