using OnnxStream.Interop.Build.Tools;

namespace OnnxStream.Interop.Build.Verbs;

/// <summary>Gets and builds the native library, with <c>cmake/native.cmake</c>.</summary>
internal static class NativeVerb
{
    /// <summary>Runs the verb with the options of the command line.</summary>
    public static void Run(BuildHost host, IReadOnlyList<string> arguments)
    {
        VerbOptions options = VerbOptions.Parse("native", exampleRid: "linux-x64", mayAllowGcc: true, arguments);
        Build(host, options.RuntimeIdentifier, options.AllowGcc);
    }

    /// <summary>Builds the native library, or takes it from the cache.</summary>
    /// <param name="host">The machine.</param>
    /// <param name="runtimeIdentifier">The platform to build for, or null for the machine's own.</param>
    /// <param name="allowGcc">Whether GCC will do where there is no Clang.</param>
    public static void Build(BuildHost host, string? runtimeIdentifier = null, bool allowGcc = false)
    {
        Clang? clang = ToolInstallation.Ensure(host, runtimeIdentifier, allowGcc, Console.Out);
        List<string> arguments = [];
        if (runtimeIdentifier is not null)
        {
            arguments.Add($"-DRID={runtimeIdentifier}");
        }

        if (allowGcc)
        {
            arguments.Add("-DALLOW_GCC=ON");
        }

        if (clang is not null)
        {
            arguments.Add($"-DCLANG={clang.Path}");
        }

        if (Console.IsOutputRedirected)
        {
            arguments.Add("-DQUIET=ON");
        }

        ExternalProgram.Run(host.Find("cmake")!, [.. arguments, "-P", "cmake/native.cmake"]);
    }
}
