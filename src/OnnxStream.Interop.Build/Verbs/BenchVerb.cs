namespace OnnxStream.Interop.Build.Verbs;

/// <summary>Runs the benchmarks.</summary>
internal static class BenchVerb
{
    /// <summary>Runs the verb: its arguments are those of the project.</summary>
    public static void Run(BuildHost host, IReadOnlyList<string> arguments)
    {
        _ = BuildVerb.Run(host);
        ExternalProgram.Run(
            ExternalProgram.Dotnet, ["run", "--project", "tests/OnnxStream.Interop.Benchmarks", "-c", "Release", "--no-build", "--", .. arguments]);
    }
}
