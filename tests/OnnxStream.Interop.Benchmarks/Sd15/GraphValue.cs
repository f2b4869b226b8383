namespace OnnxStream.Interop.Benchmarks.Sd15;

/// <summary>A tensor of a graph that is being written: an input, a constant or what a node computes.</summary>
/// <param name="Name">Its name in the graph; empty for an input that is left out.</param>
/// <param name="Shape">Its dimensions.</param>
/// <param name="Type">The type of its elements.</param>
internal sealed record GraphValue(string Name, IReadOnlyList<long> Shape, ElementType Type)
{
    /// <summary>Stands for an optional input that is left out.</summary>
    public static GraphValue None { get; } = new("", [], ElementType.Undefined);
}
