namespace OnnxStream.Interop.Cli.Reports;

/// <summary>What <c>run --json</c> prints. Names in the JSON are the properties' in snake case.</summary>
/// <param name="LoadS">Seconds from opening the model to a session that is ready.</param>
/// <param name="RunsS">Seconds of each run.</param>
/// <param name="PeakRssBytes">The most memory that the process had resident, as the operating system counts it.</param>
/// <param name="PeakNativeBytes">The most memory that the library held in native buffers, weights in use included.</param>
/// <param name="WeightsBytesStreamed">Bytes of weights that one run (the last) asked for.</param>
/// <param name="MemoryBudgetBytes">The most memory that the process was allowed (--memory); null for no limit.</param>
/// <param name="PredictedPeakBytes">What the plan says of <paramref name="PeakNativeBytes"/>.</param>
/// <param name="SmallestBudgetBytes">The smallest --memory that can be met.</param>
/// <param name="Outputs">The outputs.</param>
internal sealed record RunReport(
    double LoadS,
    IReadOnlyList<double> RunsS,
    long PeakRssBytes,
    long PeakNativeBytes,
    long WeightsBytesStreamed,
    long? MemoryBudgetBytes,
    long PredictedPeakBytes,
    long SmallestBudgetBytes,
    IReadOnlyList<OutputReport> Outputs);

/// <summary>One output of a run.</summary>
/// <param name="Name">Its name in the model; of a tensor in a sequence, with its place, as in <c>boxes[2]</c>.</param>
/// <param name="Type">Its element type, as ONNX calls it; <c>seq(…)</c> for a sequence of no tensors, <c>no content</c> for an optional output that has none.</param>
/// <param name="Shape">Its dimensions; the length of a sequence of no tensors.</param>
/// <param name="File">Where it was written; null if it was not.</param>
internal sealed record OutputReport(string Name, string Type, IReadOnlyList<long> Shape, string? File);
