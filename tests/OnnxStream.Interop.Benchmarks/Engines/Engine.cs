using System.Diagnostics;

namespace OnnxStream.Interop.Benchmarks.Engines;

/// <summary>A way to run a model, in a process of its own that prints an <see cref="EngineReport"/>.</summary>
/// <param name="Name">What reports call it.</param>
/// <param name="Description">What it is, for a reader who does not know its options.</param>
internal abstract record Engine(string Name, string Description)
{
    /// <summary>How the process is started.</summary>
    /// <param name="workload">What it should compute.</param>
    /// <param name="runs">How often.</param>
    /// <param name="outputFolder">Where the outputs go.</param>
    public abstract ProcessStartInfo CreateStartInfo(Workload workload, int runs, string outputFolder);

    /// <summary>The file that the engine makes of a model in its first process, which is then not measured; null where there is none.</summary>
    public virtual string? PreparedFile(Workload workload) => null;
}
