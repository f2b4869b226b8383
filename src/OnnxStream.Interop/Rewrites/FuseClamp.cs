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
            bool limitsItself = node is { Domain: OperatorSets.InternalDomain, OperatorType: "BatchNormalization" or "Conv" } && !node.Attributes.Has(Conv.LowAttribute);
            if ((limitsItself || IsSum(node)) && editor.OnlyConsumer(node.Outputs[0]!) is { Domain: "" } consumer && Limits(consumer) is { } limits && limits.Low < limits.High)
            {
                editor.Replace(
                    consumer, limitsItself ? node.OperatorType : LimitedSum.Name, OperatorSets.InternalDomain, node.Inputs,
                    [.. node.Attributes.All.Select(pair => (pair.Key, pair.Value)), (Conv.LowAttribute, limits.Low), (Conv.HighAttribute, limits.High)]);
            }
        }

        editor.Apply();
    }

    private static bool IsSum(Node node) =>
        node is { Domain: "", OperatorType: "Add" } && node.Inputs.All(input => input!.Constant is null && input.Type == node.Outputs[0]!.Type) && node.Outputs[0]!.Type!.Value is { ElementType: ElementType.Float32, Shape.ElementCount: > 0 };

    private static (float Low, float High)? Limits(Node node)
    {
        switch (node.OperatorType)
        {
            case "Relu":
                return (0, float.PositiveInfinity);
            case "Clip" when node.OperatorSet < 11:
                return (node.Attributes.Float("min", float.NegativeInfinity), node.Attributes.Float("max", float.PositiveInfinity));
            case "Clip":
                float? low = node.Inputs.Length > 1 && node.Inputs[1] is { } minimum ? GraphEditor.Scalar(minimum) : float.NegativeInfinity;
                float? high = node.Inputs.Length > 2 && node.Inputs[2] is { } maximum ? GraphEditor.Scalar(maximum) : float.PositiveInfinity;
                return low is null || high is null ? null : (low.Value, high.Value);
            default:
                return null;
        }
    }
}
