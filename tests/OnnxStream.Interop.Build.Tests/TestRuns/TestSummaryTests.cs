using OnnxStream.Interop.Build.TestRuns;

namespace OnnxStream.Interop.Build.Tests.TestRuns;

/// <summary>The last lines of <c>./build.sh test</c>.</summary>
internal sealed class TestSummaryTests
{
    [Test]
    public void Sums_files_and_lists_what_was_skipped()
    {
        TestResults first = Read(
            Result("Adds(1,2)", "Passed"),
            Result("Skips &quot;this&quot; &lt;one&gt;", "NotExecuted", "needs&#xD;&#xA;a &amp; b"),
            Result("Fails", "Failed", "Expected: 1"));
        TestResults second = Read(
            Result("outcome=&quot;Failed&quot; is only a name", "Passed"),
            Result("Assumes", "Inconclusive"),
            Result("Times out", "Timeout"));
        TestSummary summary = new();
        Assert.That(summary.Add(first, endedWell: false, mustHaveTests: true), Is.True);
        Assert.That(summary.Add(second, endedWell: false, mustHaveTests: true), Is.True);
        Assert.That(summary.Succeeded, Is.False);
        Assert.That(
            Text(summary),
            Is.EqualTo(
                """
                Skipped:
                  Skips "this" <one>: needs a & b
                  Assumes: no reason given
                2 passed, 2 failed, 2 skipped

                """));
    }

    [Test]
    public void Says_nothing_of_skipped_tests_where_there_are_none()
    {
        TestSummary summary = new();
        Assert.That(summary.Add(Read(Result("A", "Passed"), Result("B", "Passed")), endedWell: true, mustHaveTests: true), Is.True);
        Assert.That(summary.Succeeded, Is.True);
        Assert.That(Text(summary), Is.EqualTo("2 passed, 0 failed, 0 skipped\n"));
    }

    [Test]
    public void A_process_that_died_is_a_failure()
    {
        TestSummary summary = new();
        Assert.That(summary.Add(Read(Result("A", "Passed")), endedWell: false, mustHaveTests: false), Is.False);
        Assert.That(summary.Add(results: null, endedWell: false, mustHaveTests: false), Is.False);
        Assert.That(summary.Succeeded, Is.False);
        Assert.That(Text(summary), Is.EqualTo("2 test process(es) ended badly, see above\n1 passed, 2 failed, 0 skipped\n"));
    }

    [TestCase(true, ExpectedResult = "1 test process(es) ended badly, see above\n1 passed, 1 failed, 0 skipped\n")]
    [TestCase(false, ExpectedResult = "1 passed, 0 failed, 0 skipped\n")]
    public string A_project_without_tests_is_a_failure_unless_tests_were_chosen(bool mustHaveTests)
    {
        TestSummary summary = new();
        Assert.That(summary.Add(Read(Result("A", "Passed")), endedWell: true, mustHaveTests), Is.True);
        Assert.That(summary.Add(Read(), endedWell: true, mustHaveTests), Is.EqualTo(!mustHaveTests));
        return Text(summary);
    }

    [Test]
    public void No_tests_at_all_are_no_success()
    {
        TestSummary summary = new();
        Assert.That(summary.HasResults, Is.False);
        _ = summary.Add(Read(), endedWell: true, mustHaveTests: false);
        Assert.That(summary.HasResults, Is.True);
        Assert.That(summary.Succeeded, Is.False);
        Assert.That(Text(summary), Is.EqualTo("0 passed, 0 failed, 0 skipped\n"));
    }

    [Test]
    public void Results_cut_off_in_the_middle_still_count()
    {
        string whole = Results(Result("A", "Passed"), Result("B", "NotExecuted", "why"), Result("C", "Failed", "Expected: 1"));
        TestResults expected = ReadText(whole);
        Assert.That((expected.Passed, expected.Failed, expected.Count), Is.EqualTo((1, 1, 3)));
        Assert.That(expected.Skipped, Is.EqualTo(new[] { "B: why" }));
        Assert.That(ReadText(whole[..^60]).Count, Is.EqualTo(3));
        TestResults cut = ReadText(whole[..whole.IndexOf("testName=\"C\"", StringComparison.Ordinal)]);
        Assert.That((cut.Passed, cut.Failed, cut.Count), Is.EqualTo((1, 0, 2)));
        Assert.That(ReadText("").Count, Is.Zero);
    }

    [Test]
    public void Reasons_may_have_several_lines_and_characters_that_XML_forbids() =>
        Assert.That(Read(Result("A", "NotExecuted", "one\r\n   two &#x1B;[0m")).Skipped, Is.EqualTo(new[] { "A: one two \u001b[0m" }));

    [Test]
    public void The_message_of_a_failed_test_is_no_reason_for_a_skipped_one() =>
        Assert.That(
            Read(Result("A", "NotExecuted"), Result("B", "Failed", "Expected: 1")).Skipped,
            Is.EqualTo(new[] { "A: no reason given" }));

    private static string Text(TestSummary summary)
    {
        using StringWriter output = new() { NewLine = "\n" };
        summary.Write(output);
        return output.ToString();
    }

    private static TestResults Read(params string[] results) => ReadText(Results(results));

    private static TestResults ReadText(string text)
    {
        using TemporaryFolder folder = new();
        File.WriteAllText(folder["results.trx"], text);
        return TestResults.Read(folder["results.trx"]);
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
          <ResultSummary outcome="Failed">
            <Counters total="9" passed="9" failed="9" notExecuted="0" />
            <Output><StdOut>outcome="Failed" in the output of a test</StdOut></Output>
          </ResultSummary>
        </TestRun>

        """;
}
