using System.Diagnostics;

namespace OnnxStream.Interop.Benchmarks.Engines;

/// <summary>This library, by its command-line tool: what is measured is what users run.</summary>
/// <param name="Name">What reports call it.</param>
/// <param name="Description">What it is.</param>
/// <param name="Tool">The tool's path.</param>
/// <param name="Options">Options of <c>onnxstream run</c>.</param>
internal sealed record ToolEngine(string Name, string Description, string Tool, IReadOnlyList<string> Options) : Engine(Name, Description)
{
    /// <summary>The folder of panel stores; null where packed weights are not kept.</summary>
    public string? StoreFolder { get; init; }

    /// <summary>The element type of kept weights, as the tool calls it.</summary>
    public string StoreType { get; init; } = "f32";

    public override ProcessStartInfo CreateStartInfo(Workload workload, int runs, string outputFolder)
    {
        // An absolute path: a process is not looked for in the working directory.
        ProcessStartInfo start = new(Path.GetFullPath(Tool), ["run", .. workload.ToArguments(runs, outputFolder), .. Options, "--json", "--quiet"]);
        if (PreparedFile(workload) is { } store)
        {
            Directory.CreateDirectory(StoreFolder!);
            foreach (string argument in (string[])["--panel-store", store, "--panel-type", StoreType])
            {
                start.ArgumentList.Add(argument);
            }
        }

        return start;
    }

    public override string? PreparedFile(Workload workload) =>
        StoreFolder is null ? null : Path.Combine(StoreFolder, $"{workload.Model}.{StoreType}.panels");
}
