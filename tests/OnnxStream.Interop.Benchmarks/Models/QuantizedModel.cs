using System.Diagnostics;
using OnnxStream.Interop.Benchmarks.Engines;

namespace OnnxStream.Interop.Benchmarks.Models;

/// <summary>A float model, beside which the tool writes the same in 8 bits, with ranges of activations that are found on the inputs it is measured with.</summary>
/// <param name="Source">The float model.</param>
/// <param name="Cache">Where the 8-bit files are kept.</param>
/// <param name="Tool">The path of the <c>onnxstream</c> tool, which writes them.</param>
/// <param name="Schemes">The files to write.</param>
internal sealed record QuantizedModel(MeasuredModel Source, ModelCache Cache, string Tool, IReadOnlyList<QuantizedScheme> Schemes) : MeasuredModel(Source.Name)
{
    /// <summary>The name of the model of a scheme, in the cache and as the name of its stores.</summary>
    public static string NameOf(string model, QuantizedScheme scheme) => $"{model}-{scheme.Name}";

    /// <inheritdoc/>
    /// <returns>The path of the float model.</returns>
    public override string Ensure(Action<string> report, CancellationToken cancellationToken)
    {
        string path = Source.Ensure(report, cancellationToken);
        foreach (QuantizedScheme scheme in Schemes)
        {
            Cache.Ensure(NameOf(Name, scheme), folder => Write(path, folder, scheme, cancellationToken), report);
        }

        return path;
    }

    /// <inheritdoc/>
    public override IReadOnlyDictionary<string, string> InputFiles(string folder) => Source.InputFiles(folder);

    private void Write(string path, string folder, QuantizedScheme scheme, CancellationToken cancellationToken)
    {
        string samples = Path.Combine(folder, "samples");
        Directory.CreateDirectory(samples);
        foreach ((string input, string file) in Source.InputFiles(samples))
        {
            string sample = Path.Combine(samples, input + ".npy");
            if (Path.GetFullPath(file) != Path.GetFullPath(sample))
            {
                File.Copy(file, sample);
            }
        }

        ProcessStartInfo start = new(Path.GetFullPath(Tool), ["quantize", path, Path.Combine(folder, "model.onnx"), .. scheme.Options, "--inputs", samples, "--no-measure", "--json", "--quiet"]);
        MeasuredProcess process = MeasuredProcess.Run(start, cancellationToken);
        if (process.ExitCode != 0)
        {
            throw new InvalidOperationException($"{Name}: 'onnxstream quantize' ended with {process.ExitCode}: {process.Error.Trim()}");
        }
    }
}
