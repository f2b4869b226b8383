using OnnxStream.Interop.Build.Tools;

namespace OnnxStream.Interop.Build.Verbs;

/// <summary>Regenerates the bindings, with <c>cmake/bindings.cmake</c>.</summary>
internal static class BindingsVerb
{
    /// <summary>Runs the verb.</summary>
    public static void Run(BuildHost host)
    {
        _ = ToolInstallation.Ensure(host, runtimeIdentifier: null, allowGcc: false, Console.Out);
        ExternalProgram.Run(host.Find("cmake")!, "-P", "cmake/bindings.cmake");
    }
}
