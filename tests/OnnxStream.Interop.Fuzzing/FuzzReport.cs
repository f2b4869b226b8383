using System.Text;

namespace OnnxStream.Interop.Fuzzing;

/// <summary>What became of all files of a run.</summary>
internal sealed class FuzzReport
{
    private readonly SortedDictionary<string, int[]> _counts = new(StringComparer.Ordinal);

    /// <summary>All failures, in the order of their seeds.</summary>
    public List<Failure> Failures { get; } = [];

    /// <summary>The number of files.</summary>
    public int Files => _counts.Values.Sum(counts => counts.Sum());

    /// <summary>How many files of a target had an outcome.</summary>
    public int Count(string target, Outcome outcome) => _counts.TryGetValue(target, out int[]? counts) ? counts[(int)outcome] : 0;

    /// <summary>How many files had an outcome.</summary>
    public int Count(Outcome outcome) => _counts.Values.Sum(counts => counts[(int)outcome]);

    /// <summary>Counts one file.</summary>
    public void Add(string target, Outcome outcome)
    {
        if (!_counts.TryGetValue(target, out int[]? counts))
        {
            counts = new int[Enum.GetValues<Outcome>().Length];
            _counts.Add(target, counts);
        }

        counts[(int)outcome]++;
    }

    /// <summary>Counts a failure.</summary>
    public void Add(Failure failure)
    {
        Add(failure.Target, Outcome.Failed);
        Failures.Add(failure);
    }

    /// <summary>A table in Markdown: a row for each target and one for all.</summary>
    public override string ToString()
    {
        StringBuilder table = new("| mutated | files | ran | refused | stopped | failed |\n|---|---|---|---|---|---|\n");
        foreach ((string target, int[] counts) in _counts)
        {
            AppendRow(table, target, counts);
        }

        AppendRow(table, "all", [.. Enum.GetValues<Outcome>().Select(Count)]);
        return table.ToString();
    }

    private static void AppendRow(StringBuilder table, string name, int[] counts) =>
        table.Append($"| {name} | {counts.Sum():N0} |").AppendJoin('|', counts.Select(count => $" {count:N0} ")).Append("|\n");
}
