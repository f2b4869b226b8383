using System.Diagnostics;
using OnnxStream.Interop.Benchmarks.Models;

namespace OnnxStream.Interop.Benchmarks.Engines;

/// <summary>An engine that is given a model's 8-bit file instead of the model.</summary>
/// <param name="Inner">The engine.</param>
/// <param name="Scheme">The scheme of the file.</param>
/// <param name="Cache">Where the files are kept (<see cref="QuantizedModel"/>).</param>
internal sealed record QuantizedFileEngine(Engine Inner, QuantizedScheme Scheme, ModelCache Cache)
    : Engine($"{Inner.Name}-{Scheme.Name}", $"{Inner.Description}; with the file that `onnxstream quantize {string.Join(' ', Scheme.Options)}` writes: {Scheme.Description}")
{
    public override ProcessStartInfo CreateStartInfo(Workload workload, int runs, string outputFolder) => Inner.CreateStartInfo(FileOf(workload), runs, outputFolder);

    public override string? PreparedFile(Workload workload) => Inner.PreparedFile(FileOf(workload));

    private Workload FileOf(Workload workload)
    {
        string name = QuantizedModel.NameOf(workload.Model, Scheme);
        return workload with { Model = name, ModelPath = Cache.PathOf(name) };
    }
}
