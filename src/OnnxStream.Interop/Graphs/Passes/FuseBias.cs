using OnnxStream.Interop.Operators;

namespace OnnxStream.Interop.Graphs.Passes;

/// <summary>Makes one FullyConnected out of a MatMul with a weight and the Add of a bias: Add(MatMul(x, W), b) in either order.</summary>
/// <remarks>W is a constant [K,N] in a file, b a constant [N], both used as single precision.</remarks>
internal static class FuseBias
{
    /// <summary>Rewrites <paramref name="graph"/>.</summary>
    public static void Apply(Graph graph)
    {
        GraphEditor editor = new(graph);
        foreach (Node product in graph.Nodes)
        {
            if (product is { Domain: "", OperatorType: "MatMul" } && product.Inputs[0]!.Type!.Value is { ElementType: ElementType.Float32 } input && input.Shape is { ElementCount: > 0, Rank: > 0 } &&
                product.Inputs[1]!.Constant is { Location: not null } weight && weight.Type.Shape.Rank == 2 &&
                editor.OnlyConsumer(product.Outputs[0]!) is { Domain: "", OperatorType: "Add" } addition &&
                GraphEditor.Other(addition, product.Outputs[0]!) is { Constant: { } bias } other && bias.Type == new TensorType(ElementType.Float32, new Shape(weight.Type.Shape[1])))
            {
                editor.Replace(addition, FullyConnected.Name, OperatorRegistry.InternalDomain, [product.Inputs[0], product.Inputs[1], other]);
            }
        }

        editor.Apply();
    }
}
