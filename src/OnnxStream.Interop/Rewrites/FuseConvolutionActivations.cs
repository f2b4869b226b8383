using OnnxStream.Interop.Graphs;
using OnnxStream.Interop.Operators;

namespace OnnxStream.Interop.Rewrites;

/// <summary>Lets a pointwise convolution send its results through the activation behind it, while they are in a cache: Activation(Conv), channels-last.</summary>
/// <remarks>As in detectors, where every convolution is followed by SiLU. The activation must be the only one that reads the convolution's result.</remarks>
internal static class FuseConvolutionActivations
{
    /// <summary>Rewrites <paramref name="graph"/>.</summary>
    public static void Apply(Graph graph)
    {
        GraphEditor editor = new(graph);
        foreach (Node node in graph.Nodes)
        {
            if (node is { Domain: OperatorSets.InternalDomain, OperatorType: "Conv" } && Conv.CanActivate(node) &&
                editor.OnlyConsumer(node.Outputs[0]!) is { Domain: OperatorSets.InternalDomain, OperatorType: FusedActivation.Name, Fusion: ActivationFusion { Kind: var kind } } activation)
            {
                editor.Replace(activation, node.OperatorType, node.Inputs, ConvFusion.Of(node) with { Activation = kind }, node);
            }
        }

        editor.Apply();
    }
}
