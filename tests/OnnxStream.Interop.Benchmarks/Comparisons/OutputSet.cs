using System.Numerics.Tensors;
using OnnxStream.Interop.Benchmarks.Engines;
using OnnxStream.Interop.Cli.Tensors;

namespace OnnxStream.Interop.Benchmarks.Comparisons;

/// <summary>The outputs of a run, read back from their files.</summary>
internal sealed class OutputSet
{
    private readonly Dictionary<string, TensorBuffer> _tensors;

    public OutputSet(EngineReport report) => _tensors = report.Outputs.ToDictionary(output => output.Name, output => NpyFile.Load(output.File));

    /// <summary>The root mean square of the difference, divided by that of what is expected; of the worst output.</summary>
    public double RelativeErrorTo(OutputSet expected) => expected._tensors.Max(pair =>
    {
        TensorBuffer actual = _tensors[pair.Key];
        if (actual.Type != pair.Value.Type)
        {
            throw new InvalidDataException($"The output '{pair.Key}' is {actual.Type}; {pair.Value.Type} was expected.");
        }

        return (double)TensorPrimitives.Distance<float>(actual.Span<float>(), pair.Value.Span<float>()) / TensorPrimitives.Norm<float>(pair.Value.Span<float>());
    });
}
