namespace OnnxStream.Interop.Cli.Reports;

/// <summary>What <c>embed --json</c> prints. Names in the JSON are the properties' in snake case.</summary>
/// <param name="Texts">The number of texts.</param>
/// <param name="Dimensions">The length of each vector.</param>
/// <param name="Tokens">The tokens of all texts, without padding.</param>
/// <param name="TruncatedTexts">How many texts lost their ends.</param>
/// <param name="Pooling">How states became vectors: mean or cls.</param>
/// <param name="LoadS">Seconds to open the model.</param>
/// <param name="TotalS">Seconds for all texts.</param>
/// <param name="PeakRssBytes">The most memory that the process had resident, as the operating system counts it.</param>
/// <param name="PeakNativeBytes">The most memory that the library held in native buffers, weights in use included.</param>
/// <param name="File">Where the vectors were written; null if they were not.</param>
/// <param name="Vectors">The vectors, where they were not written to a file.</param>
/// <param name="Similarities">The cosine between each two texts, of few texts.</param>
internal sealed record EmbeddingReport(
    int Texts,
    int Dimensions,
    int Tokens,
    int TruncatedTexts,
    string Pooling,
    double LoadS,
    double TotalS,
    long PeakRssBytes,
    long PeakNativeBytes,
    string? File,
    IReadOnlyList<float[]>? Vectors,
    IReadOnlyList<IReadOnlyList<float>>? Similarities);
