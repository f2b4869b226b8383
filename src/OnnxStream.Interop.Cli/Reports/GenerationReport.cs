namespace OnnxStream.Interop.Cli.Reports;

/// <summary>What <c>sd --json</c> prints. Times are seconds.</summary>
/// <param name="Images">The pictures, in the order of their seeds.</param>
/// <param name="Prompt">What they should show.</param>
/// <param name="NegativePrompt">What they should not show.</param>
/// <param name="Model">The model's name.</param>
/// <param name="Steps">The number of sampling steps.</param>
/// <param name="Sampler">The scheduler's name.</param>
/// <param name="Schedule">The name of the way in which noise levels were spread.</param>
/// <param name="Guidance">How strongly the prompt was followed.</param>
/// <param name="TotalS">Seconds for all of it.</param>
/// <param name="Stages">What each stage took.</param>
/// <param name="PeakRssBytes">The most memory that the process had resident, as the operating system counts it.</param>
/// <param name="PeakNativeBytes">The most memory that the library held in native buffers, weights in use included.</param>
/// <param name="WeightsBytesStreamed">Bytes of weights that all runs of all stages asked for.</param>
/// <param name="MemoryBudgetBytes">The most memory that the process was allowed (--memory); null for no limit.</param>
internal sealed record GenerationReport(
    IReadOnlyList<ImageReport> Images,
    string Prompt,
    string NegativePrompt,
    string Model,
    int Steps,
    string Sampler,
    string Schedule,
    float Guidance,
    double TotalS,
    IReadOnlyList<StageReport> Stages,
    long PeakRssBytes,
    long PeakNativeBytes,
    long WeightsBytesStreamed,
    long? MemoryBudgetBytes);

/// <summary>A picture.</summary>
/// <param name="File">Where it was written; the same for all in a grid.</param>
/// <param name="Seed">The seed of its noise.</param>
/// <param name="Width">Its width in pixels, before it was enlarged.</param>
/// <param name="Height">Its height in pixels, before it was enlarged.</param>
internal sealed record ImageReport(string File, long Seed, int Width, int Height);

/// <summary>A stage of the generation.</summary>
/// <param name="Name">Its name.</param>
/// <param name="TotalS">Seconds for all of it.</param>
/// <param name="LoadS">Seconds of it for opening the model.</param>
/// <param name="RunS">Seconds of it for running the model.</param>
/// <param name="Runs">How many times the model ran.</param>
/// <param name="WeightsBytesStreamed">Bytes of weights that its runs asked for.</param>
/// <param name="PeakNativeBytes">The most memory that it held in native buffers.</param>
internal sealed record StageReport(
    string Name, double TotalS, double LoadS, double RunS, int Runs, long WeightsBytesStreamed, long PeakNativeBytes);
