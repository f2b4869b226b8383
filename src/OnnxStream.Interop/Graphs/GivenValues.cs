namespace OnnxStream.Interop.Graphs;

/// <summary>Finds where a graph can be begun in its middle, and makes the part behind that.</summary>
/// <param name="content">The model.</param>
internal sealed class GivenValues(ModelContent content)
{
    /// <summary>The skip connections, in the order of the nodes.</summary>
    public IReadOnlyList<SkipConnection> FindSkipConnections()
    {
        List<SkipConnection> found = [];
        foreach (Node node in content.Graph.Nodes)
        {
            if (node is not { Domain: "", OperatorType: "Concat", Inputs: [{ Constant: null, Producer: not null } first, { Constant: null, Producer: not null } second] })
            {
                continue;
            }

            if (DependsOn(first, second))
            {
                found.Add(new SkipConnection(node.Name, first.Name, second.Name));
            }
            else if (DependsOn(second, first))
            {
                found.Add(new SkipConnection(node.Name, second.Name, first.Name));
            }
        }

        return found;
    }

    /// <summary>The model that is given values which this one computes; nodes that only they need are left out.</summary>
    /// <param name="names">The names of the values.</param>
    public ModelContent With(IReadOnlyCollection<string> names)
    {
        GraphCopy copy = GraphCopy.Of(content.Graph);
        List<Value> given = [];
        foreach (string name in names)
        {
            Value value = copy.Graph.Nodes.SelectMany(node => node.Outputs).FirstOrDefault(output => output?.Name == name) ??
                throw new ArgumentException($"{content.Path}: the model makes no value '{name}' that it could be given instead.", nameof(names));
            given.Add(value);
        }

        // Their producers may make other values as well: these are others now.
        foreach (Node node in copy.Graph.Nodes)
        {
            for (int i = 0; i < node.Outputs.Length; i++)
            {
                if (node.Outputs[i] is { } output && given.Contains(output))
                {
                    node.Outputs[i] = new Value($"{output.Name}.computed") { Producer = node };
                }
            }
        }

        foreach (Value value in given)
        {
            value.Producer = null;
            value.Declared = new ValueMetadata(value.Name, value.Type?.ElementType ?? value.Declared?.ElementType ?? ElementType.Undefined, null);
        }

        Graph part = copy.Graph.PartFor(copy.Graph.Outputs);
        return content with { Graph = new Graph { Name = part.Name, Inputs = [.. part.Inputs, .. given.Distinct()], OptionalInputs = part.OptionalInputs, Outputs = part.Outputs, Nodes = part.Nodes } };
    }

    private static bool DependsOn(Value value, Value other)
    {
        HashSet<Value> seen = [];
        Stack<Value> open = new([value]);
        while (open.TryPop(out Value? next))
        {
            if (ReferenceEquals(next, other))
            {
                return true;
            }

            foreach (Value input in next.Producer?.Dependencies() ?? [])
            {
                if (input.Constant is null && seen.Add(input))
                {
                    open.Push(input);
                }
            }
        }

        return false;
    }
}
