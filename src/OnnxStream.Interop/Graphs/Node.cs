namespace OnnxStream.Interop.Graphs;

/// <summary>One application of an operator.</summary>
internal sealed class Node
{
    /// <summary>Makes a node and becomes the producer of its outputs.</summary>
    public Node(string operatorType, string domain, int operatorSet, string name, IReadOnlyList<Value?> inputs, IReadOnlyList<Value?> outputs, Attributes attributes)
    {
        OperatorType = operatorType;
        Domain = domain;
        OperatorSet = operatorSet;
        Name = name;
        Inputs = [.. inputs];
        Outputs = [.. outputs];
        Attributes = attributes;
        Attributes.Node = this;
        foreach (Value? output in Outputs)
        {
            output?.Producer = this;
        }
    }

    /// <summary>The operator, such as <c>Conv</c>.</summary>
    public string OperatorType { get; }

    /// <summary>The domain of the operator; empty for ONNX's own.</summary>
    public string Domain { get; }

    /// <summary>The version of the domain that the model imports.</summary>
    public int OperatorSet { get; }

    /// <summary>The node's name in the model; may be empty.</summary>
    public string Name { get; }

    /// <summary>The node of the model that this one computes a part of, where an operator is made of others.</summary>
    public Node? Origin { get; init; }

    /// <summary>The inputs; null for an optional one that is left out.</summary>
    public Value?[] Inputs { get; }

    /// <summary>The outputs; null for an optional one that nobody asks for.</summary>
    public Value?[] Outputs { get; }

    /// <summary>The attributes.</summary>
    public Attributes Attributes { get; }

    /// <summary>What a rewrite tells the operator; null in the graph of a model, which no rewrite has seen.</summary>
    public NodeFusion? Fusion { get; init; }

    /// <summary>The graphs inside of the node.</summary>
    public IEnumerable<Graph> Graphs()
    {
        IEnumerable<Graph> given = Attributes.All.Values.OfType<Graph>();
        return Fusion is null ? given : given.Concat(Fusion.Graphs);
    }

    /// <summary>The values that must be known before the node: its inputs, and what graphs inside of it read from around them.</summary>
    public IEnumerable<Value> Dependencies() =>
        Inputs.OfType<Value>().Concat(Graphs().SelectMany(graph => graph.Captures()));

    /// <summary>As messages name the node: its name or first output, with the operator.</summary>
    public override string ToString()
    {
        string name = Name.Length > 0 ? Name : Outputs.FirstOrDefault(output => output is not null)?.Name ?? "";
        return $"{(Domain.Length > 0 ? Domain + "." : "")}{OperatorType} '{name}'{(Origin is null ? "" : $", a part of {Origin}")}";
    }
}
