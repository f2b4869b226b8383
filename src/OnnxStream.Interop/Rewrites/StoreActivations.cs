using OnnxStream.Interop.Graphs;
using OnnxStream.Interop.Operators;
using OnnxStream.Interop.Tensors;

namespace OnnxStream.Interop.Rewrites;

/// <summary>Stores large activations in another format than single precision where those who make and read them compute in single precision all the same.</summary>
/// <remarks>
/// <para>Not one of the usual rewrites: results lose digits, so somebody must have asked for it.</para>
/// <para>
/// Large is what has at least a sixteenth of the bytes of the largest activation. An operator like Add or Concat, all of whose tensors have one type,
/// follows where its large inputs and its output can: its small inputs are converted, if the elements of the format stand alone.
/// </para>
/// </remarks>
internal static class StoreActivations
{
    private const int LargeShare = 16;

    /// <summary>Rewrites <paramref name="graph"/>.</summary>
    /// <param name="graph">The graph.</param>
    /// <param name="format">How large activations are stored.</param>
    public static void Apply(Graph graph, RowFormat format)
    {
        long largest = graph.Nodes.SelectMany(node => node.Outputs).OfType<Value>().Where(IsActivation).Select(value => value.Type!.Value.ByteLength).DefaultIfEmpty().Max();
        HashSet<Value> borders = [.. graph.Inputs, .. graph.Outputs];
        Dictionary<Value, List<Node>> consumers = graph.Consumers();
        HashSet<Value> chosen = [.. graph.Nodes.Select(node => node.Outputs.Length > 0 ? node.Outputs[0] : null).OfType<Value>().Where(value =>
            IsActivation(value) && IsLarge(value) && !borders.Contains(value) && CanWrite(value.Producer!, format) &&
            consumers.GetValueOrDefault(value, []).All(consumer => CanRead(consumer, value, format)))];

        // An operator of one type takes its tensors out where one of them cannot follow, which may be a tensor of the next one. Small inputs
        // can be converted to formats whose elements stand alone.
        bool changed = true;
        while (changed)
        {
            changed = false;
            foreach (Node node in graph.Nodes.Where(node => node.Outputs.Length > 0 && node.Outputs[0] is { } output && IsActivation(output) && StoresAlike(node, format)))
            {
                if (!chosen.Contains(node.Outputs[0]!) || node.Inputs.Any(input => input is not null && IsFloat(input) && (IsLarge(input) || format.Together > 1) && !chosen.Contains(input)))
                {
                    foreach (Value? tensor in node.Inputs.Append(node.Outputs[0]))
                    {
                        changed |= tensor is not null && chosen.Remove(tensor);
                    }
                }
            }
        }

        foreach (Value value in chosen)
        {
            value.Type = value.Type!.Value with { ElementType = format.ElementType };
        }

        if (format.Together == 1)
        {
            ConvertSmallInputs(graph, format.ElementType);
        }

        bool IsLarge(Value value) => value.Type!.Value.ByteLength * LargeShare >= largest;
    }

    private static bool IsFloat(Value value) => value.Type!.Value.ElementType == ElementType.Float32;

    private static bool IsActivation(Value value) => value.Constant is null && IsFloat(value);

    private static bool CanWrite(Node node, RowFormat format) =>
        node.Outputs.Skip(1).All(output => output is null) && (StoresAlike(node, format) || OperatorRegistry.Get(node).CanWriteStored(node, format));

    private static bool CanRead(Node node, Value value, RowFormat format) =>
        StoresAlike(node, format) || (OperatorRegistry.Get(node) is var reader && Enumerable.Range(0, node.Inputs.Length).All(i => !ReferenceEquals(node.Inputs[i], value) || reader.CanReadStored(node, i, format)));

    private static bool StoresAlike(Node node, RowFormat format) => OperatorRegistry.Get(node).StoresAlikeIn(node, format);

    private static void ConvertSmallInputs(Graph graph, ElementType stored)
    {
        List<Node> nodes = new(graph.Nodes.Count);
        foreach (Node node in graph.Nodes)
        {
            if (OperatorRegistry.Get(node).StoresAlike && node.Outputs[0]!.Type!.Value.ElementType == stored)
            {
                for (int i = 0; i < node.Inputs.Length; i++)
                {
                    if (node.Inputs[i] is { } input && IsFloat(input))
                    {
                        Value converted = new($"{input.Name}/stored");
                        nodes.Add(GraphEditor.Make(node, "Cast", "", [input], converted, [("to", (long)stored)]));
                        node.Inputs[i] = converted;
                    }
                }
            }

            nodes.Add(node);
        }

        graph.Nodes.Clear();
        graph.Nodes.AddRange(nodes);
    }
}
