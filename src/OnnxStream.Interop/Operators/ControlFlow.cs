using OnnxStream.Interop.Graphs;

namespace OnnxStream.Interop.Operators;

/// <summary>If, Loop, Scan and SequenceMap: nodes whose attributes are graphs. https://onnx.ai/onnx/operators/onnx__Loop.html</summary>
/// <remarks>
/// They are no steps of a plan: which graph runs, and how often, depends on data. The session cuts its graph there and runs their
/// graphs itself (<see cref="InferenceSession"/>), each planned like the main one. Where planning knows the condition of
/// an If, the nodes of its branch take its place when the graph is specialized.
/// </remarks>
internal sealed class ControlFlow : Operator
{
    /// <inheritdoc/>
    public override bool IsStep => false;

    /// <inheritdoc/>
    public override void Infer(InferenceContext context) => throw NotAStep();

    /// <inheritdoc/>
    public override void Lower(LoweringContext context) => throw NotAStep();

    /// <summary>A graph in an attribute of a node.</summary>
    /// <exception cref="InvalidGraphException">There is none.</exception>
    public static Graph Body(Node node, string name) =>
        node.Attributes.Graph(name) ?? throw new InvalidGraphException($"{node}: the attribute '{name}' is missing.");

    /// <summary>The branch of an If.</summary>
    /// <exception cref="InvalidGraphException">There is none, or it takes inputs: branches only read values around them.</exception>
    public static Graph Branch(Node node, bool condition)
    {
        string name = condition ? "then_branch" : "else_branch";
        Graph branch = Body(node, name);
        return branch.Inputs.Count == 0 ? branch : throw new InvalidGraphException($"{node}: the graph '{name}' has {branch.Inputs.Count} inputs, expected none.");
    }

    /// <summary>Whether a single bool is true.</summary>
    /// <exception cref="InvalidGraphException">The tensor is something else.</exception>
    public static bool IsTrue(Node node, TensorType type, ReadOnlySpan<byte> data) =>
        type.ElementType == ElementType.Bool && data.Length == 1 ? data[0] != 0 :
        throw new InvalidGraphException($"{node}: the condition is a {type}, expected a single bool.");

    private static InvalidOperationException NotAStep() => new("Control flow is not a step of a plan.");
}
