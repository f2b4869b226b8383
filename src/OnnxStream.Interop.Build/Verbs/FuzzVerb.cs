using OnnxStream.Interop.Build.TestRuns;

namespace OnnxStream.Interop.Build.Verbs;

/// <summary>Feeds mutated files to the library.</summary>
internal static class FuzzVerb
{
    /// <summary>Runs the verb: its arguments are those of the project.</summary>
    public static void Run(BuildHost host, IReadOnlyList<string> arguments)
    {
        _ = BuildVerb.Run(host);
        TestPrerequisites.EnsureOnnxTestCases(host);
        ExternalProgram.Run(
            ExternalProgram.Dotnet, ["run", "--project", "tests/OnnxStream.Interop.Fuzzing", "-c", "Release", "--no-build", "--", .. arguments]);
    }
}
