using OnnxStream.Interop.Build.TestRuns;

namespace OnnxStream.Interop.Build.Verbs;

/// <summary>Runs all tests. The last line that it prints is the sum of all test projects.</summary>
internal static class TestVerb
{
    private const string Results = "artifacts/test-results";

    // TestCulture in tests/Shared reads it.
    private const string CultureVariable = "ONNXSTREAM_TEST_CULTURE";

    /// <summary>Runs the verb: its arguments are a culture, and options of <c>dotnet test</c>.</summary>
    public static void Run(BuildHost host, IReadOnlyList<string> arguments)
    {
        TestOptions options = TestOptions.Parse(arguments);
        // No test uses the tool that is compiled for this very processor: those of packages compile it for all.
        BuildVerb.BuildSolution(host);
        TestPrerequisites.EnsureOnnxTestCases(host);
        TestPrerequisites.EnsureWebServer(host);
        TestPrerequisites.EnsureQueueServer(host);
        TestPrerequisites.EnsureVoice(host);
        TestPrerequisites.EnsureBrowser(host);
        // Options choose among tests: those of packages then take the packages that are there.
        bool allTests = options.Rest.Count == 0;
        if (allTests)
        {
            TestPrerequisites.Prepare(host);
        }

        if (Directory.Exists(Results))
        {
            Directory.Delete(Results, recursive: true);
        }

        if (options.Culture is { } culture)
        {
            Environment.SetEnvironmentVariable(CultureVariable, culture);
        }

        TestSummary summary = new();
        foreach (string project in TestProjects())
        {
            string name = Path.GetFileNameWithoutExtension(project);
            int exitCode = ExternalProgram.TryRun(
                ExternalProgram.Dotnet,
                [
                    "test", $"artifacts/bin/{name}/release/{name}.dll", "--results-directory", Results,
                    "--logger", $"trx;LogFileName={name}.trx", "--logger", "console;verbosity=minimal", .. options.Rest,
                ]);
            string file = Path.Combine(Results, $"{name}.trx");
            TestResults? results = File.Exists(file) ? TestResults.Read(file) : null;
            if (!summary.Add(results, endedWell: exitCode == 0, mustHaveTests: allTests))
            {
                Console.Error.WriteLine($"test: the tests of {name} did not run, or not to their end");
            }
        }

        if (!summary.HasResults)
        {
            throw new BuildFailedException("test: no test project left a result");
        }

        summary.Write(Console.Out);
        if (!summary.Succeeded)
        {
            throw new BuildFailedException(exitCode: 1);
        }
    }

    private static IEnumerable<string> TestProjects() => Directory.EnumerateDirectories("tests")
        .SelectMany(folder => Directory.EnumerateFiles(folder, "*.Tests.csproj"))
        .Order(StringComparer.Ordinal);
}
