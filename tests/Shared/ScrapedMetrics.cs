using System.Globalization;
using System.Text.RegularExpressions;

namespace OnnxStream.Interop.Tests;

/// <summary>What an endpoint for Prometheus answered, read line by line (https://prometheus.io/docs/instrumenting/exposition_formats/).</summary>
internal sealed partial class ScrapedMetrics
{
    private readonly List<(string Name, string Labels, double Value)> _samples = [];

    public ScrapedMetrics(string text)
    {
        foreach (string line in text.Split('\n', StringSplitOptions.RemoveEmptyEntries))
        {
            if (line[0] == '#')
            {
                continue;
            }

            Match match = Sample().Match(line);
            if (!match.Success)
            {
                throw new FormatException($"This is no sample: {line}");
            }

            _samples.Add((match.Groups["name"].Value, match.Groups["labels"].Value, double.Parse(match.Groups["value"].Value.Replace("+Inf", "Infinity", StringComparison.Ordinal), CultureInfo.InvariantCulture)));
        }
    }

    /// <summary>The names of all samples.</summary>
    public IEnumerable<string> Names => _samples.Select(sample => sample.Name).Distinct();

    /// <summary>All text of labels, to look for what should not be there.</summary>
    public IEnumerable<string> Labels => _samples.Select(sample => sample.Labels);

    /// <summary>The sum of the samples of a name, of those with a label if one is given (as in <c>state="queued"</c>).</summary>
    public double Sum(string name, string label = "") => _samples.Where(sample => sample.Name == name && sample.Labels.Contains(label, StringComparison.Ordinal)).Sum(sample => sample.Value);

    [GeneratedRegex("""^(?<name>[a-zA-Z_:][a-zA-Z0-9_:]*)(\{(?<labels>([a-zA-Z_][a-zA-Z0-9_]*="([^"\\]|\\.)*",?)*)\})? (?<value>[-+0-9.eE]+|NaN|[+-]Inf)( [0-9.]+)?$""")]
    private static partial Regex Sample();
}
