using System.Runtime.InteropServices;
using OnnxStream.Interop.Build.Tools;

namespace OnnxStream.Interop.Build.Verbs;

/// <summary>The tool <c>onnxstream</c>, compiled ahead of time.</summary>
internal static class CompiledTool
{
    /// <summary>Its project.</summary>
    public const string Project = "src/OnnxStream.Interop.Cli";

    /// <summary>Compiles it.</summary>
    /// <param name="host">The machine.</param>
    /// <param name="runtimeIdentifier">The platform to compile for.</param>
    /// <param name="folder">Where to put it.</param>
    /// <param name="log">The file for what the compiler says.</param>
    /// <param name="options">More options of <c>dotnet publish</c>.</param>
    /// <returns>Whether that worked.</returns>
    public static bool Publish(BuildHost host, string runtimeIdentifier, string folder, string log, params IEnumerable<string> options)
    {
        _ = Directory.CreateDirectory("artifacts");
        using StreamWriter output = new(log);
        return ExternalProgram.TryRun(
            output,
            ExternalProgram.Dotnet,
            [
                "publish", Project, "-c", "Release", "-r", runtimeIdentifier, .. options, .. CompilerOptions(host, runtimeIdentifier),
                "-nodeReuse:false", "-v", "quiet", "-o", folder,
            ]) == 0;
    }

    /// <summary>Compiles the tool for newer processors, where the one for all of them can become it.</summary>
    /// <param name="host">The machine.</param>
    /// <param name="runtimeIdentifier">The platform to compile for.</param>
    /// <param name="options">More options of <c>dotnet publish</c>.</param>
    /// <returns>MSBuild's option that adds it to what is published; none where there is no such variant.</returns>
    /// <exception cref="BuildFailedException">It could not be compiled.</exception>
    public static IEnumerable<string> VariantOptions(BuildHost host, string runtimeIdentifier, params IEnumerable<string> options)
    {
        if (runtimeIdentifier != "linux-x64")
        {
            return [];
        }

        const string Level = "x86-64-v3";
        string folder = $"artifacts/variants/{runtimeIdentifier}";
        string log = $"artifacts/variant-{runtimeIdentifier}.log";
        if (!Publish(host, runtimeIdentifier, folder, log, [$"-p:IlcInstructionSet={Level}", .. options]))
        {
            Console.Error.Write(File.ReadAllText(log));
            throw new BuildFailedException($"the tool could not be compiled for {runtimeIdentifier} with {Level}.");
        }

        string variant = Path.GetFullPath($"{folder}/onnxstream-{Level}");
        File.Move($"{folder}/onnxstream", variant, overwrite: true);
        return [$"-p:ProcessorVariant={variant}"];
    }

    /// <summary>MSBuild's options for compiling a program ahead of time.</summary>
    /// <param name="host">The machine.</param>
    /// <param name="runtimeIdentifier">The platform to compile for.</param>
    public static IEnumerable<string> CompilerOptions(BuildHost host, string runtimeIdentifier)
    {
        // Elsewhere MSBuild finds the system's own compiler and linker.
        if (host.System != OSPlatform.Linux)
        {
            yield break;
        }

        yield return $"-p:CppCompilerAndLinker={Path.GetFileName(Clang.Find(host)?.Path) ?? "clang"}";
        yield return "-p:LinkerFlavor=lld";
        if (runtimeIdentifier == "linux-arm64" && host.Architecture != Architecture.Arm64)
        {
            // It splits off the symbols, and must know the other processor's files.
            yield return "-p:ObjCopyName=aarch64-linux-gnu-objcopy";
        }
    }
}
