namespace OnnxStream.Interop.Build.Verbs;

/// <summary>
/// Makes all packages, for this machine and those that it can build for: the native ones for every library in <c>artifacts/native</c>,
/// which may also have been collected there from other machines.
/// </summary>
internal static class PackVerb
{
    /// <summary>Where the packages are put.</summary>
    public const string Folder = "artifacts/packages";

    private static readonly string[] s_projects =
        ["packaging/OnnxStream.Interop.Native.csproj", "src/OnnxStream.Interop.Diffusion", "src/OnnxStream.Interop.Embeddings", "src/OnnxStream.Interop.Fleet", "src/OnnxStream.Interop.Http", "src/OnnxStream.Interop.Language", "src/OnnxStream.Interop.Pipelines", "src/OnnxStream.Interop.Server", "src/OnnxStream.Interop.Speech", "src/OnnxStream.Interop.Vision", "src/OnnxStream.Interop", "bindings"];

    // Apart from the build: paths in packages are those of the repository, not of this machine.
    // Code is analyzed where the solution is built.
    private static readonly string[] s_options = ["-p:RunAnalyzers=false", "-p:ContinuousIntegrationBuild=true", $"-p:ArtifactsPath={Path.GetFullPath("artifacts/pack")}"];

    /// <summary>Runs the verb.</summary>
    public static void Run(BuildHost host)
    {
        string rid = host.RuntimeIdentifier ?? throw new BuildFailedException("pack: this machine's runtime identifier is unknown");
        NativeVerb.Build(host, rid);
        if (host.BuildsForArm)
        {
            NativeVerb.Build(host, "linux-arm64");
        }

        // What an earlier version published would go into the package of the tool as well.
        foreach (string stale in (string[])[Folder, "artifacts/pack/publish"])
        {
            if (Directory.Exists(stale))
            {
                Directory.Delete(stale, recursive: true);
            }
        }

        _ = Directory.CreateDirectory(Folder);
        foreach (string library in Directory.EnumerateDirectories("artifacts/native").Order(StringComparer.Ordinal))
        {
            Pack($"packaging/OnnxStream.Interop.Native.{Path.GetFileName(library)}.csproj");
        }

        foreach (string project in s_projects)
        {
            Pack(project);
        }

        // The tool is compiled for each platform by a machine that can; all others get the one for .NET's runtime.
        string[] toolRids = host.BuildsForArm ? ["linux-x64", "linux-arm64", "any"] : [rid, "any"];
        string allRids = $"-p:ToolRids=\"{string.Join(';', toolRids)}\"";
        foreach (string toolRid in toolRids)
        {
            IEnumerable<string> compiled = toolRid == "any" ? [] : CompiledTool.CompilerOptions(host, toolRid).Concat(CompiledTool.VariantOptions(host, toolRid, s_options));
            Pack(CompiledTool.Project, ["-r", toolRid, allRids, .. compiled]);
        }

        Pack(CompiledTool.Project, allRids);
        foreach (FileInfo package in new DirectoryInfo(Folder).EnumerateFiles().OrderBy(file => file.Name, StringComparer.Ordinal))
        {
            Console.WriteLine($"{package.Length,12} {package.Name}");
        }
    }

    private static void Pack(string project, params IEnumerable<string> options) => ExternalProgram.Run(
        ExternalProgram.Dotnet,
        [
            "pack", project, .. options, "-c", "Release", "-nodeReuse:false", "-v", "quiet", .. s_options, "-o", Folder,
        ]);
}
