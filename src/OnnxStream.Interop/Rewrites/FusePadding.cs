using OnnxStream.Interop.Graphs;
using OnnxStream.Interop.Operators;

namespace OnnxStream.Interop.Rewrites;

/// <summary>Lets convolutions and average poolings add the zeros around their input: Conv(Pad(x)), AveragePool(Pad(x)).</summary>
/// <remarks>
/// PyTorch's exporter writes average pooling with padding like this, others do so with convolutions. The zeros must lie around the space only.
/// A pooling must count them as elements: it does so, or has no padding of its own.
/// </remarks>
internal static class FusePadding
{
    /// <summary>Rewrites <paramref name="graph"/>.</summary>
    public static void Apply(Graph graph)
    {
        GraphEditor editor = new(graph);
        foreach (Node node in graph.Nodes)
        {
            if (node is { Domain: "", OperatorType: "Conv" or "AveragePool" } && node.Attributes.String("auto_pad", "NOTSET") is "NOTSET" or "" &&
                editor.Producer(node.Inputs[0], "Pad") is { } pad && Zeros(pad) is { } zeros && CountsZeros(node))
            {
                long[] own = node.Attributes.Ints("pads") ?? new long[zeros.Length];
                if (own.Length == zeros.Length)
                {
                    Dictionary<string, object> attributes = new(node.Attributes.All) { ["pads"] = zeros.Zip(own, (added, there) => added + there).ToArray() };
                    if (node.OperatorType == "AveragePool")
                    {
                        attributes["count_include_pad"] = 1L;
                    }

                    editor.Replace(node, node.OperatorType, "", [pad.Inputs[0], .. node.Inputs[1..]], [.. attributes.Select(pair => (pair.Key, pair.Value))]);
                }
            }
        }

        editor.Apply();
    }

    // A window that ends behind the padding counts differently.
    private static bool CountsZeros(Node node) =>
        node.OperatorType == "Conv" ||
        (node.Attributes.Int("ceil_mode", 0) == 0 && (node.Attributes.Int("count_include_pad", 0) != 0 || node.Attributes.Ints("pads") is not { } pads || pads.All(pad => pad == 0)));

    // How many zeros are added before and behind each dimension of the space, as the attribute "pads" has them; null if anything else is done.
    private static long[]? Zeros(Node pad)
    {
        InferenceContext context = new(pad);
        int rank = pad.Inputs[0]!.Type!.Value.Shape.Rank;
        bool isZero = pad.OperatorSet < 11 ? pad.Attributes.Float("value", 0) == 0 : !context.HasInput(2) || GraphEditor.Scalar(pad.Inputs[2]) == 0;
        if (pad.Attributes.String("mode", "constant") != "constant" || !isZero || context.HasInput(3) || rank < 3 || (pad.OperatorSet >= 11 && context.TryIntegers(1) is null))
        {
            return null;
        }

        long[]? pads = context.AttributeOrInput("pads", inputFrom: 11, 1);
        return pads?.Length == 2 * rank && pads.All(count => count >= 0) && pads[0] == 0 && pads[1] == 0 && pads[rank] == 0 && pads[rank + 1] == 0
            ? [.. pads[2..rank], .. pads[(rank + 2)..]]
            : null;
    }
}
