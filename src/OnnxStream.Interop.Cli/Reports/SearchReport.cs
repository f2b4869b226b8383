namespace OnnxStream.Interop.Cli.Reports;

/// <summary>What <c>search --json</c> prints. Names in the JSON are the properties' in snake case.</summary>
/// <param name="Query">What was searched for.</param>
/// <param name="Files">The number of files that were read.</param>
/// <param name="Passages">The number of passages that they have.</param>
/// <param name="LoadS">Seconds to open the model.</param>
/// <param name="EmbedS">Seconds to embed the passages.</param>
/// <param name="SearchS">Seconds to embed and find what was searched for.</param>
/// <param name="PeakRssBytes">The most memory that the process had resident, as the operating system counts it.</param>
/// <param name="PeakNativeBytes">The most memory that the library held in native buffers, weights in use included.</param>
/// <param name="Matches">The passages, the most alike first.</param>
internal sealed record SearchReport(
    string Query, int Files, int Passages, double LoadS, double EmbedS, double SearchS, long PeakRssBytes, long PeakNativeBytes, IReadOnlyList<SearchMatchReport> Matches);

/// <summary>A passage that was found.</summary>
/// <param name="File">Its file.</param>
/// <param name="Line">Its first line; 1 is the first.</param>
/// <param name="Score">How alike it is, -1 to 1.</param>
/// <param name="Text">Its text.</param>
internal sealed record SearchMatchReport(string File, int Line, float Score, string Text);
