using System.Globalization;
using System.Text;
using OnnxStream.Interop.Graphs;

namespace OnnxStream.Interop.Quantization;

/// <summary>The <c>range_data.txt</c> of OnnxStream: a line <c>node,minimum,maximum</c> for each node, whose results it covers.</summary>
internal static class OnnxStreamRanges
{
    /// <summary>The name of the file in a folder.</summary>
    public const string FileName = "range_data.txt";

    private const int Listed = 3;

    /// <summary>The operators that the original computes in 8 bits with a range of its own for the results. Others keep the range of what they are given.</summary>
    public static IReadOnlySet<string> OperatorTypes { get; } = new HashSet<string> { "Add", "Conv", "InstanceNormalization", "MatMul", "Mul", "Sigmoid" };

    /// <summary>Reads a file.</summary>
    /// <param name="path">The file.</param>
    /// <param name="model">The model whose nodes it names.</param>
    /// <exception cref="ModelFormatException">It is no such file, or for another model.</exception>
    public static RangeTable Load(string path, Model model)
    {
        Dictionary<string, (float Minimum, float Maximum)> lines = [];
        int number = 0;
        foreach (string line in File.ReadAllText(path).Replace("\r\n", "\n", StringComparison.Ordinal).Split('\n', '\r'))
        {
            number++;
            if (line.Length == 0)
            {
                continue;
            }

            string[] fields = line.Split(',');
            if (fields.Length < 3 ||
                !float.TryParse(fields[^2], NumberStyles.Float, CultureInfo.InvariantCulture, out float minimum) || !float.TryParse(fields[^1], NumberStyles.Float, CultureInfo.InvariantCulture, out float maximum) ||
                !float.IsFinite(minimum) || !float.IsFinite(maximum) || minimum > maximum)
            {
                throw new ModelFormatException(path, $"line {number}: expected the name of a node and two finite numbers, the smaller one first, as in Conv_0,-1.5,2; found '{(line.Length > 60 ? line[..60] + "…" : line)}'.");
            }

            if (!lines.TryAdd(string.Join(',', fields[..^2]), (minimum, maximum)))
            {
                throw new ModelFormatException(path, $"line {number}: the node '{string.Join(',', fields[..^2])}' has a range already.");
            }
        }

        if (lines.Count == 0)
        {
            throw new ModelFormatException(path, "expected a line 'node,minimum,maximum' for each node, found none.");
        }

        List<ValueRange> ranges = [];
        HashSet<string> unknown = [.. lines.Keys];
        foreach (Node node in model.Graph.Nodes)
        {
            if (lines.TryGetValue(node.Name, out (float Minimum, float Maximum) range))
            {
                unknown.Remove(node.Name);
                ranges.AddRange(node.Outputs.OfType<Value>().Select(output => new ValueRange(output.Name, range.Minimum, range.Maximum)));
            }
        }

        return unknown.Count == 0 ? new RangeTable(ranges.DistinctBy(range => range.Name)) :
            throw new ModelFormatException(path, $"{unknown.Count:N0} of {lines.Count:N0} lines name nodes that '{model.Path}' does not have, such as {string.Join(", ", unknown.Order(StringComparer.Ordinal).Take(Listed).Select(name => $"'{name}'"))}: the ranges are those of another model.");
    }

    /// <summary>The bytes of a file.</summary>
    /// <param name="table">The ranges.</param>
    /// <param name="model">The model whose nodes give the names.</param>
    /// <exception cref="UnsupportedOperatorException">A node has no name, or one that the format cannot hold.</exception>
    public static byte[] Write(RangeTable table, Model model)
    {
        SortedDictionary<string, (float Minimum, float Maximum)> lines = new(StringComparer.Ordinal);
        foreach (Node node in model.Graph.Nodes)
        {
            foreach (ValueRange range in node.Outputs.OfType<Value>().Select(output => table.Find(output.Name)).OfType<ValueRange>())
            {
                if (node.Name.Length == 0 || node.Name.AsSpan().ContainsAny(",\r\n"))
                {
                    throw new UnsupportedOperatorException($"{model.Path}: {node} has {(node.Name.Length == 0 ? "no name" : $"the name '{node.Name}'")}, and {FileName} has ranges by names of nodes, without commas. Give it another name.");
                }

                lines[node.Name] = lines.TryGetValue(node.Name, out (float Minimum, float Maximum) other)
                    ? (MathF.Min(other.Minimum, range.Minimum), MathF.Max(other.Maximum, range.Maximum)) : (range.Minimum, range.Maximum);
            }
        }

        return Encoding.UTF8.GetBytes(string.Concat(lines.Select(line => $"{line.Key},{line.Value.Minimum:R},{line.Value.Maximum:R}\r\n")));
    }

    /// <summary>The nodes of which the original needs a range and the table has none.</summary>
    public static IReadOnlyList<Node> Missing(RangeTable table, Graph graph) =>
        [.. graph.Nodes.Where(node => node.Domain.Length == 0 && OperatorTypes.Contains(node.OperatorType) && node.Outputs[0] is { } output && table.Find(output.Name) is null && IsFloat(output))];

    private static bool IsFloat(Value value) => value.Declared?.ElementType is not { } type || type == ElementType.Undefined || type.IsFloat();
}
