namespace OnnxStream.Interop.Graphs;

/// <summary>Nodes in an order in which they can be computed, with their inputs and outputs.</summary>
internal sealed class Graph
{
    /// <summary>The name in the model.</summary>
    public required string Name { get; init; }

    /// <summary>What the caller gives.</summary>
    public List<Value> Inputs { get; init; } = [];

    /// <summary>What the caller gets.</summary>
    public List<Value> Outputs { get; init; } = [];

    /// <summary>The nodes; every producer stands before its consumers.</summary>
    public List<Node> Nodes { get; init; } = [];

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

    /// <summary>Puts the nodes into an order in which producers come first, keeping the given order where it is one.</summary>
    /// <exception cref="InvalidGraphException">The graph has a cycle.</exception>
    public void SortTopologically()
    {
        Dictionary<Node, int> state = new(ReferenceEqualityComparer.Instance as IEqualityComparer<Node>);
        List<Node> sorted = new(Nodes.Count);
        Stack<(Node Node, int Input)> stack = new();
        foreach (Node root in Nodes)
        {
            if (state.ContainsKey(root))
            {
                continue;
            }

            stack.Push((root, 0));
            state[root] = 1;
            while (stack.Count > 0)
            {
                (Node node, int input) = stack.Pop();
                bool descended = false;
                for (; input < node.Inputs.Length; input++)
                {
                    if (node.Inputs[input]?.Producer is { } producer)
                    {
                        int seen = state.GetValueOrDefault(producer);
                        if (seen == 1)
                        {
                            throw new InvalidGraphException($"The graph '{Name}' has a cycle through {producer} and {node}.");
                        }

                        if (seen == 0)
                        {
                            stack.Push((node, input + 1));
                            stack.Push((producer, 0));
                            state[producer] = 1;
                            descended = true;
                            break;
                        }
                    }
                }

                if (!descended)
                {
                    state[node] = 2;
                    sorted.Add(node);
                }
            }
        }

        Nodes.Clear();
        Nodes.AddRange(sorted);
    }
}
