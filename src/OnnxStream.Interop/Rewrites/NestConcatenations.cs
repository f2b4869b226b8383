using OnnxStream.Interop.Graphs;

namespace OnnxStream.Interop.Rewrites;

/// <summary>Lets a concatenation start with one that exists: Concat(a, b, c) becomes Concat(Concat(a, b), c) where Concat(a, b) is computed anyway.</summary>
/// <remarks>As in DenseNet, where every layer concatenates all before it. What was put together once lies in its place when more is put behind it.</remarks>
internal static class NestConcatenations
{
    // A block of a DenseNet has up to 64 layers. A file may have any number of concatenations that start alike.
    private const int MostOfOneStart = 256;

    /// <summary>Rewrites <paramref name="graph"/>.</summary>
    public static void Apply(Graph graph)
    {
        GraphEditor editor = new(graph);
        Dictionary<Value, List<(long Axis, Value[] Inputs, Value Output)>> known = [];
        foreach (Node node in graph.Nodes)
        {
            if (node is not { Domain: "", OperatorType: "Concat", Inputs: [{ } start, _, ..], Outputs: [{ } output] } || node.Inputs.Contains(null))
            {
                continue;
            }

            long axis = node.Attributes.Int("axis", 0);
            axis = axis < 0 ? axis + output.Type!.Value.Shape.Rank : axis;
            if (!known.TryGetValue(start, out List<(long Axis, Value[] Inputs, Value Output)>? shorter))
            {
                known.Add(start, shorter = []);
            }

            Value[] inputs = [.. node.Inputs.Select(input => input!)];
            var longest = shorter.Where(other => other.Axis == axis && other.Inputs.Length < inputs.Length && inputs.AsSpan(0, other.Inputs.Length).SequenceEqual(other.Inputs))
                .OrderByDescending(other => other.Inputs.Length).FirstOrDefault();
            if (longest.Output is not null)
            {
                editor.Replace(node, "Concat", "", [longest.Output, .. inputs[longest.Inputs.Length..]], ("axis", axis));
            }

            if (shorter.Count < MostOfOneStart)
            {
                shorter.Add((axis, inputs, output));
            }
        }

        editor.Apply();
    }
}
