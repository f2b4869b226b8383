using System.ComponentModel;
using OnnxStream.Interop.Build.Verbs;

namespace OnnxStream.Interop.Build;

/// <summary>What <c>build.sh</c> and <c>build.ps1</c> are called with.</summary>
/// <remarks>Parsed by hand: most verbs hand their options to another program as they are, and a parser would need a package.</remarks>
internal static class CommandLine
{
    private static readonly Verb[] s_verbs =
    [
        new("native", "[--rid RID] [--allow-gcc]", "get and build XNNPACK (taken from the cache where it was built before)", NativeVerb.Run),
        new("bindings", "", "regenerate bindings/Generated from the headers of XNNPACK", (host, _) => BindingsVerb.Run(host)),
        new("build", "", $"native, then the solution; leaves the tool at {BuildVerb.Tool}", (host, _) => BuildVerb.Run(host)),
        new("test", "[--culture NAME] [OPTION ...]", "build, then all tests; options are those of dotnet test", TestVerb.Run),
        new("demo", "[\"PROMPT\"]", "build, then pictures from text with the model that ships in this repository", DemoVerb.Run),
        new("publish", "[--rid RID] [--image]", "the tool for other machines: compiled ahead of time, in artifacts/publish; --image makes a container image too", PublishVerb.Run),
        new("pack", "", $"NuGet packages in {PackVerb.Folder}", (host, _) => PackVerb.Run(host)),
        new("order", "", $"build, then {Path.GetFileName(OrderVerb.List)} from what usual runs call (see there)", (host, _) => OrderVerb.Run(host)),
        new("fuzz", "[OPTION ...]", "build, then mutated files, --files of them (docs/reliability.md)", FuzzVerb.Run),
        new("bench", "[OPTION ...]", "build, then the benchmarks", BenchVerb.Run),
        new("clean", "", "remove artifacts/ (not the cache of native libraries)", (_, _) => CleanVerb.Run()),
    ];

    /// <summary>The command that people type.</summary>
    public static string Script { get; } = OperatingSystem.IsWindows() ? @".\build.ps1" : "./build.sh";

    /// <summary>Does what a command line asks for, and returns the exit code.</summary>
    public static int Invoke(BuildHost host, IReadOnlyList<string> arguments, TextWriter output, TextWriter error)
    {
        string name = arguments.Count > 0 && arguments[0].Length > 0 ? arguments[0] : "help";
        if (name is "help" or "-h" or "--help")
        {
            WriteHelp(output);
            return 0;
        }

        Verb? verb = s_verbs.FirstOrDefault(verb => verb.Name == name);
        if (verb is null)
        {
            WriteHelp(error);
            error.WriteLine($"{Path.GetFileName(Script)}: unknown verb '{name}'");
            return 1;
        }

        try
        {
            verb.Run(host, [.. arguments.Skip(1)]);
            return 0;
        }
        catch (BuildFailedException exception)
        {
            if (exception.HasMessage)
            {
                error.WriteLine(exception.Message);
            }

            return exception.ExitCode;
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException or Win32Exception)
        {
            error.WriteLine($"{name}: {exception.Message}");
            return 1;
        }
    }

    private static void WriteHelp(TextWriter output)
    {
        output.WriteLine($"Usage: {Script} VERB\n");
        foreach (Verb verb in s_verbs)
        {
            output.WriteLine(HelpLine($"{verb.Name} {verb.Options}", verb.Purpose));
        }

        string cache = OperatingSystem.IsWindows() ? @"%LOCALAPPDATA%\onnxstream-interop" : "~/.cache/onnxstream-interop";
        output.WriteLine($"""
            {HelpLine("help", "this text")}

            Environment: ONNXSTREAM_CACHE  where sources and native libraries are kept ({cache})
                         ONNXSTREAM_SOURCES=auto|git|debian  where sources come from
                         ONNXSTREAM_ONNX_TESTDATA  a folder with the test cases of the ONNX project (Debian: libonnx-testdata)
            """);
    }

    private static string HelpLine(string command, string purpose) => $"  {command,-33} {purpose}";

    /// <param name="Name">What it is called.</param>
    /// <param name="Options">What may follow, for the help.</param>
    /// <param name="Purpose">What it does, for the help.</param>
    /// <param name="Run">Does it, with the arguments behind the name.</param>
    private sealed record Verb(string Name, string Options, string Purpose, Action<BuildHost, IReadOnlyList<string>> Run);
}
