using System.Diagnostics;

namespace OnnxStream.Interop.Benchmarks.Engines;

/// <summary>ONNX Runtime in a process of this program.</summary>
/// <param name="Name">What reports call it.</param>
/// <param name="Description">What it is.</param>
/// <param name="Mode">How it is set up.</param>
internal sealed record OnnxRuntimeEngine(string Name, string Description, OnnxRuntimeMode Mode) : Engine(Name, Description)
{
    public override ProcessStartInfo CreateStartInfo(Workload workload, int runs, string outputFolder) =>
        OwnProcess.CreateStartInfo([Commands.OnnxRuntimeCommand.CommandName, .. workload.ToArguments(runs, outputFolder), "--mode", $"{Mode}"]);
}
