using System.Diagnostics;

namespace OnnxStream.Interop.Benchmarks.Language;

/// <summary>A way to run a decoder, in a process of its own that prints a <see cref="LanguageMeasurement"/>.</summary>
/// <param name="Name">What reports call it.</param>
/// <param name="Description">What it is.</param>
/// <param name="Program">The program, and the arguments that come first.</param>
/// <param name="Options">Options of the engine.</param>
/// <param name="IsGguf">Whether it is given the GGUF file; otherwise the folder.</param>
internal sealed record LanguageEngine(string Name, string Description, IReadOnlyList<string> Program, IReadOnlyList<string> Options, bool IsGguf)
{
    /// <summary>The engine that others are compared with.</summary>
    public const string Baseline = "llama.cpp";

    /// <summary>The names of all engines.</summary>
    public static IReadOnlyList<string> Names { get; } = [Baseline, "onnxruntime-genai", "onnxstream-gguf", "onnxstream-gguf-ram", "onnxstream-onnx", "onnxstream-onnx-ram"];

    /// <summary>All engines.</summary>
    /// <param name="tool">The path of the <c>onnxstream</c> tool.</param>
    /// <param name="peers">The program of the others.</param>
    public static IReadOnlyList<LanguageEngine> Create(string tool, string peers)
    {
        string[] own = [Path.GetFullPath(tool), "bench-llm"];
        string[] ram = ["--weights", "ram"];
        return
        [
            new(Baseline, "llama.cpp, by LLamaSharp, with the GGUF file mapped", ["dotnet", peers, "llama.cpp"], [], IsGguf: true),
            new("onnxruntime-genai", "ONNX Runtime GenAI with the folder", ["dotnet", peers, "onnxruntime-genai"], [], IsGguf: false),
            new("onnxstream-gguf", "this library with the GGUF file, mapped (`onnxstream bench-llm`)", own, ["--json", "--quiet"], IsGguf: true),
            new("onnxstream-gguf-ram", "the same with weights read into memory once (`--weights ram`)", own, ["--json", "--quiet", .. ram], IsGguf: true),
            new("onnxstream-onnx", "this library with the folder, mapped", own, ["--json", "--quiet"], IsGguf: false),
            new("onnxstream-onnx-ram", "the same with weights read into memory once", own, ["--json", "--quiet", .. ram], IsGguf: false),
        ];
    }

    /// <summary>How the process is started.</summary>
    public ProcessStartInfo CreateStartInfo(LanguageFiles files, LanguageOptions options) => new(Program[0],
    [
        .. Program.Skip(1), IsGguf ? files.GgufPath : files.OnnxFolder, "--threads", $"{options.Threads}", "--prompt-tokens", $"{options.PromptTokens}", "--gen-tokens", $"{options.Tokens}",
        "--repetitions", $"{options.Repetitions}", .. Options,
    ]);
}
