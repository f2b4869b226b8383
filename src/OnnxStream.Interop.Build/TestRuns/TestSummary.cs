namespace OnnxStream.Interop.Build.TestRuns;

/// <summary>The sum of several test projects.</summary>
internal sealed class TestSummary
{
    private readonly List<string> _skipped = [];
    private int _passed;
    private int _failed;
    private int _badRuns;

    /// <summary>Whether any test project left a result.</summary>
    public bool HasResults { get; private set; }

    /// <summary>Whether some tests passed and none failed.</summary>
    public bool Succeeded => _passed > 0 && _failed + _badRuns == 0;

    /// <summary>Adds a test project.</summary>
    /// <param name="results">Its results, or null where it left none.</param>
    /// <param name="endedWell">Whether the process ended with exit code zero.</param>
    /// <param name="mustHaveTests">Whether a project without tests is a failure.</param>
    /// <returns>Whether the tests ran to their end. A process that did not counts as one failure.</returns>
    public bool Add(TestResults? results, bool endedWell, bool mustHaveTests)
    {
        if (results is not null)
        {
            HasResults = true;
            _passed += results.Passed;
            _failed += results.Failed;
            _skipped.AddRange(results.Skipped);
        }

        // Failed tests are in the results; that a process died on its way to them is not.
        bool isComplete = (endedWell || results?.Failed > 0) && !(mustHaveTests && (results?.Count ?? 0) == 0);
        if (!isComplete)
        {
            _badRuns++;
        }

        return isComplete;
    }

    /// <summary>Lists what was skipped with the reasons, and ends with one line, "N passed, N failed, N skipped".</summary>
    public void Write(TextWriter output)
    {
        if (_skipped.Count > 0)
        {
            output.WriteLine("Skipped:");
            foreach (string test in _skipped)
            {
                output.WriteLine($"  {test}");
            }
        }

        if (_badRuns > 0)
        {
            output.WriteLine($"{_badRuns} test process(es) ended badly, see above");
        }

        output.WriteLine($"{_passed} passed, {_failed + _badRuns} failed, {_skipped.Count} skipped");
    }
}
