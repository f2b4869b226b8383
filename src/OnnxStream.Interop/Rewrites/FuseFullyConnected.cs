using OnnxStream.Interop.Graphs;
using OnnxStream.Interop.Operators;

namespace OnnxStream.Interop.Rewrites;

/// <summary>Makes one FullyConnected out of a product with a weight and what belongs to it: a transposition of the weight, a bias, an activation or a gate.</summary>
/// <remarks>
/// <code>
/// [Activation or GatedActivation] ( [Add b] ( MatMul(x, W) or MatMul(x, Transpose(V)) ) )
/// </code>
/// W is a constant [K,N] in a file, V a constant [N,K], b a constant [N], all used as single precision. A product without any of
/// them stays a MatMul, which streams its weight as well; a gate on a transposed weight stays apart.
/// </remarks>
internal static class FuseFullyConnected
{
    /// <summary>Rewrites <paramref name="graph"/>.</summary>
    public static void Apply(Graph graph)
    {
        GraphEditor editor = new(graph);
        foreach (Node product in graph.Nodes)
        {
            if (product is not { Domain: "", OperatorType: "MatMul" } || product.Inputs[0]!.Type!.Value is not { ElementType: ElementType.Float32 } input || input.Shape is not { ElementCount: > 0, Rank: > 0 })
            {
                continue;
            }

            Value weight = product.Inputs[1]!;
            bool isTransposed = weight.Producer is { Domain: "", OperatorType: "Transpose" } transpose && transpose.Inputs[0]!.Constant is { Location: not null, IsChannelsLast: false };
            weight = isTransposed ? weight.Producer!.Inputs[0]! : weight;
            if (weight.Constant is not { Location: not null } || weight.Type!.Value.Shape.Rank != 2)
            {
                continue;
            }

            Node last = product;
            List<Value?> inputs = [product.Inputs[0], weight];
            if (editor.OnlyConsumer(last.Outputs[0]!) is { Domain: "", OperatorType: "Add" } addition && GraphEditor.Other(addition, last.Outputs[0]!) is { Constant: { } bias } other &&
                bias.Type == new TensorType(ElementType.Float32, new Shape(product.Inputs[1]!.Type!.Value.Shape[1])))
            {
                inputs.Add(other);
                last = addition;
            }

            ActivationKind? gate = null;
            if (!isTransposed && editor.OnlyConsumer(last.Outputs[0]!) is { Domain: OperatorSets.InternalDomain, OperatorType: GatedActivation.Name, Fusion: ActivationFusion gated } gating)
            {
                gate = gated.Kind;
                last = gating;
            }

            ActivationKind? activation = null;
            if (gate is null && editor.OnlyConsumer(last.Outputs[0]!) is { Domain: OperatorSets.InternalDomain, OperatorType: FusedActivation.Name, Fusion: ActivationFusion activated } activating)
            {
                activation = activated.Kind;
                last = activating;
            }

            if (last != product || isTransposed)
            {
                editor.Replace(last, FullyConnected.Name, inputs, new FullyConnectedFusion(isTransposed, gate, activation));
            }
        }

        editor.Apply();
    }
}
