namespace OnnxStream.Interop.Benchmarks.Engines;

/// <summary>What every engine is given: the same files and the same number of threads.</summary>
/// <param name="Model">The name of the model.</param>
/// <param name="ModelPath">Its file.</param>
/// <param name="InputFiles">The <c>.npy</c> file of each input.</param>
/// <param name="Threads">The threads that compute.</param>
internal sealed record Workload(string Model, string ModelPath, IReadOnlyDictionary<string, string> InputFiles, int Threads)
{
    /// <summary>The arguments that the tool and <see cref="Commands.OnnxRuntimeCommand"/> have in common.</summary>
    /// <param name="runs">The number of runs in the process.</param>
    /// <param name="outputFolder">Where the outputs go.</param>
    public IEnumerable<string> ToArguments(int runs, string outputFolder) =>
    [
        ModelPath,
        .. InputFiles.SelectMany(input => (string[])["--input", $"{input.Key}={input.Value}"]),
        "--threads", $"{Threads}",
        "--repeat", $"{runs}",
        "--output-dir", outputFolder,
    ];
}
