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
