using OnnxStream.Interop.Graphs;
using OnnxStream.Interop.Operators;

namespace OnnxStream.Interop.Quantization;

/// <summary>A model that shows values to observers while it runs, each once, where they are: nothing is copied or kept.</summary>
internal static class ObservedModel
{
    /// <summary>The values whose ranges a quantization may need: data and results of products and convolutions with weights, and what activations that only cut off make of these.</summary>
    /// <param name="model">The model.</param>
    /// <param name="hasOperators">Whether also the results of all operators that <see cref="OnnxStreamRanges"/> has ranges of.</param>
    public static HashSet<string> FindValues(Model model, bool hasOperators)
    {
        HashSet<string> names = [];
        AddValues(model.Graph, hasOperators, names);
        return names;
    }

    /// <summary>Makes such a model.</summary>
    /// <param name="model">The model.</param>
    /// <param name="observers">Who looks at which value, by name.</param>
    public static Model Make(Model model, IReadOnlyDictionary<string, ValueHistogram> observers)
    {
        Graph graph = GraphCopy.Of(model.Graph).Graph;
        Observe(graph, observers);
        return new Model(model.Content with { Graph = graph });
    }

    private static void AddValues(Graph graph, bool hasOperators, HashSet<string> names)
    {
        Dictionary<Value, List<Node>> consumers = graph.Consumers();
        HashSet<Node> layers = [.. WeightedLayer.Find(graph, embeddings: false).Where(layer => layer.TakesData8).Select(layer => layer.Node)];
        foreach (Node node in graph.Nodes)
        {
            foreach (Graph inner in node.Graphs())
            {
                AddValues(inner, hasOperators, names);
            }

            if (layers.Contains(node))
            {
                Add(ValueRanges.Source(node.Inputs[0]!));
                Add(node.Outputs[0]);
                foreach (Node activation in consumers.GetValueOrDefault(node.Outputs[0]!, []).Where(consumer => consumer is { Domain: "", OperatorType: "Relu" or "Clip" }))
                {
                    Add(activation.Outputs[0]);
                }
            }
            else if (hasOperators && node.Domain.Length == 0 && OnnxStreamRanges.OperatorTypes.Contains(node.OperatorType))
            {
                Add(node.Outputs[0]);
            }
        }

        void Add(Value? value)
        {
            if (value is { Constant: null })
            {
                names.Add(value.Name);
            }
        }
    }

    private static void Observe(Graph graph, IReadOnlyDictionary<string, ValueHistogram> observers)
    {
        List<Node> nodes = [];
        foreach (Value input in graph.Inputs.Where(input => input.Constant is null && observers.ContainsKey(input.Name)))
        {
            Value seen = new($"{input.Name}/observed");
            Replace(graph, input, seen);
            nodes.Add(NewNode(input, seen, observers[input.Name]));
        }

        foreach (Node node in graph.Nodes)
        {
            foreach (Graph inner in node.Graphs())
            {
                Observe(inner, observers);
            }

            nodes.Add(node);
            for (int i = 0; i < node.Outputs.Length; i++)
            {
                if (node.Outputs[i] is { } output && observers.TryGetValue(output.Name, out ValueHistogram? observer))
                {
                    Value made = new($"{output.Name}/made") { Producer = node, Declared = output.Declared };
                    node.Outputs[i] = made;
                    nodes.Add(NewNode(made, output, observer));
                }
            }
        }

        graph.Nodes.Clear();
        graph.Nodes.AddRange(nodes);
    }

    // Graphs inside of nodes read values from around them.
    private static void Replace(Graph graph, Value old, Value replacement)
    {
        graph.Replace(old, replacement);
        foreach (Graph inner in graph.Nodes.SelectMany(node => node.Graphs()))
        {
            Replace(inner, old, replacement);
            for (int i = 0; i < inner.Outputs.Count; i++)
            {
                inner.Outputs[i] = ReferenceEquals(inner.Outputs[i], old) ? replacement : inner.Outputs[i];
            }
        }
    }

    private static Node NewNode(Value input, Value output, ValueHistogram observer) =>
        new(Operators.Observe.Name, OperatorSets.InternalDomain, OperatorSets.Newest, output.Name, [input], [output], new Attributes()) { Fusion = new ObserveFusion(observer) };
}
