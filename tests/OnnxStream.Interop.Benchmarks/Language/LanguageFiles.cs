using System.Diagnostics;
using OnnxStream.Interop.Benchmarks.Architectures;
using OnnxStream.Interop.Benchmarks.Engines;
using OnnxStream.Interop.Benchmarks.Models;

namespace OnnxStream.Interop.Benchmarks.Language;

/// <summary>A decoder with random weights of 4 bits, as a GGUF file and as a folder of ONNX Runtime GenAI: the same numbers in both.</summary>
/// <param name="Name">What reports call it.</param>
/// <param name="Shape">The shape, as the script that makes it calls it.</param>
/// <param name="Cache">Where it is kept.</param>
internal sealed record LanguageFiles(string Name, string Shape, ModelCache Cache)
{
    private static readonly string s_script = Path.Combine("tests", "OnnxStream.Interop.Language.Tests", "Models", "make_llm.py");

    /// <summary>All decoders, in the cache of this user.</summary>
    public static IReadOnlyList<LanguageFiles> All
    {
        get
        {
            ModelCache cache = ModelCache.Of("language", File.ReadAllText(s_script));
            return [new("1.1b", "tinyllama", cache), new("7b", "llama2-7b", cache)];
        }
    }

    /// <summary>The GGUF file, with numbers in Q4_0.</summary>
    public string GgufPath => Path.Combine(Cache.FolderOf(Name), $"{Shape}-q4_0.gguf");

    /// <summary>The folder of ONNX Runtime GenAI, with MatMulNBits of 4 bits in blocks of 32.</summary>
    public string OnnxFolder => Path.Combine(Cache.FolderOf(Name), "onnx-int4");

    /// <summary>Makes the files unless they are there.</summary>
    /// <param name="report">Is told what takes a while.</param>
    /// <param name="cancellationToken">Stops it.</param>
    /// <exception cref="IOException">The script failed.</exception>
    public void Ensure(Action<string> report, CancellationToken cancellationToken) => Cache.Ensure(Name, folder =>
    {
        MeasuredProcess process = MeasuredProcess.Run(
            new ProcessStartInfo(Exporter.Interpreter(["numpy", "onnx"], cancellationToken), [s_script, "--shape", Shape, "--onnx", "int4", "--embedding", "int4", "--gguf", "q4_0", "--gguf-embedding", "q4_0", "--out", folder]), cancellationToken);
        if (process.ExitCode != 0)
        {
            throw new IOException($"{s_script} failed with exit code {process.ExitCode}: {process.Error.Trim()}");
        }
    }, report);
}
