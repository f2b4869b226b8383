namespace OnnxStream.Interop.Cli.Tests.Build;

/// <summary><c>tests/summary.awk</c>: the last line of <c>./build.sh test</c>.</summary>
[Platform(Exclude = "Win", Reason = "Windows has no awk; build.ps1 reads the same files as XML.")]
internal sealed class TestSummaryTests
{
    [Test]
    public void Sums_files_and_lists_what_was_skipped()
    {
        string first = Results(
            Result("Adds(1,2)", "Passed"),
            Result("Skips &quot;this&quot; &lt;one&gt;", "NotExecuted", "needs&#xD;&#xA;a &amp; b"),
            Result("Fails", "Failed", "Expected: 1"));
        string second = Results(
            Result("outcome=&quot;Failed&quot; is only a name", "Passed"),
            Result("Assumes", "Inconclusive"),
            Result("Times out", "Timeout"));
        Assert.That(
            Summarise(0, first, second),
            Is.EqualTo(
                """
                Skipped:
                  Skips "this" <one>: needs a & b
                  Assumes: no reason given
                2 passed, 2 failed, 2 skipped

                """));
    }

    [Test]
    public void Says_nothing_of_skipped_tests_where_there_are_none() =>
        Assert.That(Summarise(0, Results(Result("A", "Passed"), Result("B", "Passed"))), Is.EqualTo("2 passed, 0 failed, 0 skipped\n"));

    [Test]
    public void A_process_that_died_is_a_failure() =>
        Assert.That(Summarise(1, Results(Result("A", "Passed"))), Does.EndWith("\n1 passed, 1 failed, 0 skipped\n"));

    [Test]
    public void Results_cut_off_in_the_middle_still_count()
    {
        string cut = Results(Result("A", "Passed"), Result("B", "NotExecuted", "why"))[..^60];
        Assert.That(Summarise(0, cut), Does.EndWith("1 passed, 0 failed, 1 skipped\n"));
    }

    [Test]
    public void Nothing_at_all_is_zero() =>
        Assert.That(Summarise(0, Results()), Is.EqualTo("0 passed, 0 failed, 0 skipped\n"));

    private static string Summarise(int failedRuns, params string[] contents)
    {
        using TemporaryFolder folder = new();
        List<string> arguments = ["-v", $"failed_runs={failedRuns}", "-f", Path.Combine(Repository.Root, "tests", "summary.awk")];
        for (int i = 0; i < contents.Length; i++)
        {
            string path = folder[$"{i}.trx"];
            File.WriteAllText(path, contents[i]);
            arguments.Add(path);
        }

        return Repository.Run("awk", arguments).AssertSucceeded().Output;
    }

    private static string Result(string name, string outcome, string? message = null)
    {
        string start = $"    <UnitTestResult executionId=\"1\" testName=\"{name}\" duration=\"00:00:01\" outcome=\"{outcome}\"";
        return message is null
            ? $"{start} />\n"
            : $"{start}>\n      <Output>\n        <ErrorInfo>\n          <Message>{message}</Message>\n        </ErrorInfo>\n      </Output>\n    </UnitTestResult>\n";
    }

    private static string Results(params string[] results) =>
        $"""
        <?xml version="1.0" encoding="utf-8"?>
        <TestRun id="1">
          <Results>
        {string.Concat(results)}  </Results>
          <ResultSummary outcome="Completed">
            <Counters total="9" passed="9" failed="9" notExecuted="0" />
            <Output><StdOut>outcome="Failed" in the output of a test</StdOut></Output>
          </ResultSummary>
        </TestRun>

        """;
}
