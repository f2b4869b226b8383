using OnnxStream.Interop.Tensors;

namespace OnnxStream.Interop.Graphs;

/// <summary>An edge of the graph: a tensor that one node (or the caller, or a file) makes and nodes read.</summary>
internal sealed class Value(string name)
{
    /// <summary>The name in the model.</summary>
    public string Name { get; } = name;

    /// <summary>Element type and shape, once they are known.</summary>
    public TensorType? Type { get; set; }

    /// <summary>What the model declares, with open dimensions; null where it declares nothing.</summary>
    public ValueMetadata? Declared { get; set; }

    /// <summary>The node that makes the value; null for inputs and constants.</summary>
    public Node? Producer { get; set; }

    /// <summary>The data, if the value is the same in every run.</summary>
    public Constant? Constant { get; set; }

    /// <summary>Whether <see cref="Constant"/> is what an input of the model is where a run is not given it: nodes may only rely on it when they know that.</summary>
    public bool IsOptionalInput { get; init; }

    /// <summary>The name, with the type where it is known.</summary>
    public override string ToString() => Type is { } type ? $"{Name}: {type}" : Name;
}
