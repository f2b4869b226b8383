using System.Runtime.InteropServices;
using OnnxStream.Interop.Build.Tools;

namespace OnnxStream.Interop.Build.Verbs;

/// <summary>Writes down in which order usual runs of the tool call its functions first. The compiler lays them out in this order.</summary>
/// <remarks>
/// A run uses a tenth of the tool's code. Where that tenth lies together, a tenth is resident: 7 MiB less of every process. Functions that are not listed come behind those
/// that are, and names that no longer exist are ignored: the list should be written anew from time to time, not with every change.
/// </remarks>
internal static class OrderVerb
{
    /// <summary>The list, one name of the compiler's on each line.</summary>
    public const string List = "src/OnnxStream.Interop.Cli/FunctionOrder.txt";

    private const string Pictures = "src/OnnxStream.Interop.Diffusion/Models/tiny-shapes";
    private const string Models = "tests/OnnxStream.Interop.Tests/Models/architectures";
    private const string Source = "src/OnnxStream.Interop.Build/Tools/first-calls.c";
    private const string Folder = "artifacts/order";

    // What most people do comes first.
    private static readonly string[][] s_commands =
    [
        ["sd", "a yellow star on a blue background", "--model", Pictures, "--steps", "2", "--output", $"{Folder}/picture.png"],
        ["run", $"{Pictures}/unet/model.onnx", "--panel-store", $"{Folder}/unet", "--repeat", "2"],
        ["run", $"{Pictures}/unet/model.onnx", "--panel-store", $"{Folder}/unet8", "--panel-type", "int8", "--activation-type", "int8", "--repeat", "2"],
        ["run", $"{Models}/bert.onnx", "--memory", "200MB", "--repeat", "2"],
        ["run", $"{Models}/resnet50.onnx", "--memory", "200MB", "--repeat", "2"],
        ["run", $"{Models}/mobilenet_v3.onnx", "--repeat", "2"],
        ["run", $"{Models}/vit_f16.onnx", "--repeat", "2"],
        ["run", $"{Models}/detector.onnx", "--repeat", "2"],
        ["run", $"{Models}/llama_dynamic.onnx", "--repeat", "2"],
        ["run", $"{Models}/whisper_decoder.onnx", "--repeat", "2"],
        ["bench-llm", "tests/OnnxStream.Interop.Language.Tests/Models/tiny-int4", "--prompt-tokens", "8", "--gen-tokens", "8"],
        ["plan", $"{Pictures}/unet/model.onnx"],
        ["inspect", $"{Pictures}/unet/model.onnx"],
    ];

    /// <summary>Runs the verb.</summary>
    public static void Run(BuildHost host)
    {
        if (host.System != OSPlatform.Linux || host.Architecture != Architecture.X64)
        {
            throw new BuildFailedException("order: calls are recorded on Linux for x64 only; the list serves all systems.");
        }

        string tool = BuildVerb.Run(host);
        if (Directory.Exists(Folder))
        {
            Directory.Delete(Folder, recursive: true);
        }

        _ = Directory.CreateDirectory(Folder);
        string recorder = $"{Folder}/first-calls";
        ExternalProgram.Run(Clang.Find(host)!.Path, "-O2", "-Wall", "-Wno-unused-result", "-o", recorder, Source);
        HashSet<string> known = [];
        List<string> names = [];
        foreach (string[] command in s_commands)
        {
            Console.WriteLine($"order: onnxstream {string.Join(' ', command)}");
            string calls = $"{Folder}/calls.txt";
            File.Delete(calls);
            ExternalProgram.Run(recorder, [$"{tool}.dbg", calls, tool, .. command]);
            names.AddRange(File.ReadLines(calls).Where(known.Add));
        }

        File.WriteAllLines(List, names);
        Console.WriteLine($"order: {List} has {names.Count} functions");
    }
}
