namespace OnnxStream.Interop.Graphs;

/// <summary>Nodes in an order in which they can be computed, with their inputs and outputs.</summary>
internal sealed class Graph
{
    /// <summary>The name in the model.</summary>
    public required string Name { get; init; }

    /// <summary>What the caller gives.</summary>
    public List<Value> Inputs { get; init; } = [];

    /// <summary>What the caller may give: inputs whose constants are their default values.</summary>
    public List<Value> OptionalInputs { get; init; } = [];

    /// <summary>What the caller gets.</summary>
    public List<Value> Outputs { get; init; } = [];

    /// <summary>The nodes; every producer stands before its consumers.</summary>
    public List<Node> Nodes { get; init; } = [];

    /// <summary>The nodes, and those of the graphs inside of them.</summary>
    public IEnumerable<Node> AllNodes() => Nodes.SelectMany(node => node.Graphs().SelectMany(graph => graph.AllNodes()).Prepend(node));

    /// <summary>For each value that is read, the index of the last node that reads it, for itself or for graphs inside of it. Made once: for the graphs of models, which do not change.</summary>
    public IReadOnlyDictionary<Value, int> LastReads => field ??= FindLastReads();

    /// <summary>Whether a node from <paramref name="start"/> on reads the value.</summary>
    public bool IsReadFrom(int start, Value value) => LastReads.TryGetValue(value, out int last) && last >= start;

    /// <summary>Who reads each value. Made anew at each call: rewrites change it.</summary>
    public Dictionary<Value, List<Node>> Consumers()
    {
        Dictionary<Value, List<Node>> consumers = [];
        foreach (Node node in Nodes)
        {
            foreach (Value? input in node.Inputs)
            {
                if (input is not null)
                {
                    if (!consumers.TryGetValue(input, out List<Node>? list))
                    {
                        consumers.Add(input, list = []);
                    }

                    list.Add(node);
                }
            }
        }

        return consumers;
    }

    /// <summary>The part of the graph that certain values need, with the same inputs and nodes: for the graphs of models, which do not change.</summary>
    public Graph PartFor(IReadOnlyCollection<Value> outputs)
    {
        HashSet<Value> needed = [.. outputs];
        List<Node> nodes = [];
        foreach (Node node in Enumerable.Reverse(Nodes))
        {
            if (node.Outputs.Any(output => output is not null && needed.Contains(output)))
            {
                nodes.Add(node);
                needed.UnionWith(node.Dependencies());
            }
        }

        nodes.Reverse();
        return new Graph { Name = Name, Inputs = Inputs, OptionalInputs = OptionalInputs, Outputs = [.. outputs], Nodes = nodes };
    }

    /// <summary>Lets every reader of <paramref name="old"/> read <paramref name="replacement"/>, graph outputs excepted.</summary>
    public void Replace(Value old, Value replacement)
    {
        foreach (Node node in Nodes)
        {
            for (int i = 0; i < node.Inputs.Length; i++)
            {
                if (ReferenceEquals(node.Inputs[i], old))
                {
                    node.Inputs[i] = replacement;
                }
            }
        }
    }

    /// <summary>The values that the graph reads but neither takes as inputs nor makes: those of a graph around it. Constants are not among them, but inputs that have one as their default value are.</summary>
    public IEnumerable<Value> Captures()
    {
        HashSet<Value> own = [.. Inputs, .. Nodes.SelectMany(node => node.Outputs).OfType<Value>()];
        return Nodes.SelectMany(node => node.Dependencies()).Concat(Outputs).Where(value => (value.Constant is null || value.IsOptionalInput) && own.Add(value)).ToList();
    }

    private Dictionary<Value, int> FindLastReads()
    {
        Dictionary<Value, int> last = [];
        for (int i = 0; i < Nodes.Count; i++)
        {
            foreach (Value value in Nodes[i].Dependencies())
            {
                last[value] = i;
            }
        }

        return last;
    }

    /// <summary>Puts the nodes into an order in which producers come first, keeping the given order where it is one.</summary>
    /// <exception cref="InvalidGraphException">The graph has a cycle.</exception>
    public void SortTopologically()
    {
        Dictionary<Node, bool> isDone = [];
        HashSet<Node> own = [.. Nodes];
        List<Node> sorted = new(Nodes.Count);
        Stack<(Node Node, IEnumerator<Value> Dependencies)> stack = new();
        foreach (Node root in Nodes)
        {
            if (isDone.TryAdd(root, false))
            {
                stack.Push((root, root.Dependencies().GetEnumerator()));
            }

            while (stack.Count > 0)
            {
                (Node node, IEnumerator<Value> dependencies) = stack.Peek();
                if (!dependencies.MoveNext())
                {
                    stack.Pop();
                    isDone[node] = true;
                    sorted.Add(node);
                    continue;
                }

                // What a graph around this one makes is there before.
                if (dependencies.Current.Producer is not { } producer || !own.Contains(producer))
                {
                    continue;
                }

                if (isDone.TryAdd(producer, false))
                {
                    stack.Push((producer, producer.Dependencies().GetEnumerator()));
                }
                else if (!isDone[producer])
                {
                    throw new InvalidGraphException($"The graph '{Name}' has a cycle through {producer} and {node}.");
                }
            }
        }

        Nodes.Clear();
        Nodes.AddRange(sorted);
    }
}
