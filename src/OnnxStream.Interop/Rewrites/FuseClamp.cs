using OnnxStream.Interop.Graphs;
using OnnxStream.Interop.Operators;

namespace OnnxStream.Interop.Rewrites;

/// <summary>Lets a convolution, a batch normalization or a sum limit its own results: Relu(Conv), or Clip(Conv, low, high) with constant limits, channels-last; the same for Add of two tensors of one shape.</summary>
/// <remarks>As in classifiers and detectors: XNNPACK's convolutions limit what they store anyway, and a sum is in no cache any more when it has been stored.</remarks>
internal static class FuseClamp
{
    /// <summary>Rewrites <paramref name="graph"/>.</summary>
    public static void Apply(Graph graph)
    {
        GraphEditor editor = new(graph);
        foreach (Node node in graph.Nodes)
        {
            bool isConvolution = node is { Domain: OperatorSets.InternalDomain, OperatorType: "Conv" } && ConvFusion.Of(node).Limits is null;
            bool isNormalization = node is { Domain: OperatorSets.InternalDomain, OperatorType: "BatchNormalization", Fusion: null };
            if ((isConvolution || isNormalization || IsSum(node)) && editor.OnlyConsumer(node.Outputs[0]!) is { Domain: "" } consumer && Limits(consumer) is { } limits && limits.Low < limits.High)
            {
                if (isConvolution)
                {
                    editor.Replace(consumer, node.OperatorType, node.Inputs, ConvFusion.Of(node) with { Limits = limits }, node);
                }
                else if (isNormalization)
                {
                    editor.Replace(consumer, node.OperatorType, node.Inputs, new ClampFusion(limits), node);
                }
                else
                {
                    editor.Replace(consumer, LimitedSum.Name, node.Inputs, new ClampFusion(limits));
                }
            }
        }

        editor.Apply();
    }

    private static bool IsSum(Node node) =>
        node is { Domain: "", OperatorType: "Add" } && node.Inputs.All(input => input!.Constant is null && input.Type == node.Outputs[0]!.Type) && node.Outputs[0]!.Type!.Value is { ElementType: ElementType.Float32, Shape.ElementCount: > 0 };

    /// <summary>The limits of a Relu or a Clip; null for any other node, and where they are computed.</summary>
    public static ResultLimits? Limits(Node node)
    {
        switch (node.OperatorType)
        {
            case "Relu":
                return new ResultLimits(0, float.PositiveInfinity);
            case "Clip" when node.OperatorSet < 11:
                return new ResultLimits(node.Attributes.Float("min", float.NegativeInfinity), node.Attributes.Float("max", float.PositiveInfinity));
            case "Clip":
                float? low = node.Inputs.Length > 1 && node.Inputs[1] is { } minimum ? GraphEditor.Scalar(minimum) : float.NegativeInfinity;
                float? high = node.Inputs.Length > 2 && node.Inputs[2] is { } maximum ? GraphEditor.Scalar(maximum) : float.PositiveInfinity;
                return low is null || high is null ? null : new ResultLimits(low.Value, high.Value);
            default:
                return null;
        }
    }
}
