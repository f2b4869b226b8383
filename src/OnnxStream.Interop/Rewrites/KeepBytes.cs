using OnnxStream.Interop.Graphs;
using OnnxStream.Interop.Operators;

namespace OnnxStream.Interop.Rewrites;

/// <summary>Leaves 8-bit integers what they are, where they are dequantized only to be moved, and adds them without tensors of single precision.</summary>
/// <remarks>
/// <code>
/// QuantizeLinear (Move (DequantizeLinear (x))): Move (x), if both have one scale and zero point, and the same. Move is a Reshape, Transpose, MaxPool and the like.
/// QuantizeLinear ([Relu or Clip] (Add (DequantizeLinear (x), DequantizeLinear (y)))): QuantizedSum, if x and y have one shape
/// </code>
/// </remarks>
internal static class KeepBytes
{
    private static readonly HashSet<string> s_moves = ["Expand", "Flatten", "Gather", "MaxPool", "Reshape", "Resize", "Slice", "Squeeze", "Tile", "Transpose", "Unsqueeze"];

    /// <summary>Rewrites <paramref name="graph"/>.</summary>
    public static void Apply(Graph graph)
    {
        GraphEditor editor = new(graph);
        foreach (Node quantize in graph.Nodes)
        {
            if (IsQuantization(quantize, "QuantizeLinear") && IsByte(quantize.Outputs[0]!) && quantize.Attributes.Int("precision", 0) is 0 or (long)ElementType.Float32 && Made(editor, quantize.Inputs[0]!) is { } node)
            {
                _ = TryMove(editor, quantize, node) || TryAdd(editor, quantize, node);
            }
        }

        editor.Apply();
    }

    private static bool TryMove(GraphEditor editor, Node quantize, Node node)
    {
        bool isConcatenation = node.OperatorType == "Concat";
        if ((!isConcatenation && !s_moves.Contains(node.OperatorType)) || node.Outputs.Length != 1 || (node.OperatorType == "Resize" && node.Attributes.String("mode", "nearest") != "nearest"))
        {
            return false;
        }

        Value?[] inputs = [.. node.Inputs];
        for (int i = 0; i < (isConcatenation ? inputs.Length : 1); i++)
        {
            if (Dequantized(inputs[i]) is not { } dequantize || dequantize.Inputs[0]!.Type!.Value.ElementType != quantize.Outputs[0]!.Type!.Value.ElementType ||
                !IsSame(dequantize.Inputs[1], quantize.Inputs[1]) || !IsSame(Zero(dequantize), Zero(quantize)))
            {
                return false;
            }

            inputs[i] = dequantize.Inputs[0];
        }

        // What a scale of 0, or one that is no number, does to elements only the arithmetic knows.
        if (GraphEditor.Scalar(quantize.Inputs[1]) is not { } scale || !float.IsNormal(scale))
        {
            return false;
        }

        editor.Replace(quantize, node, inputs);
        return true;
    }

    private static bool TryAdd(GraphEditor editor, Node quantize, Node node)
    {
        ResultLimits limits = ResultLimits.None;
        if (FuseClamp.Limits(node) is { } given && given.Low < given.High)
        {
            limits = given;
            if (Made(editor, node.Inputs[0]!) is not { } limited)
            {
                return false;
            }

            node = limited;
        }

        if (node.OperatorType != "Add" || Dequantized(node.Inputs[0]) is not { } left || Dequantized(node.Inputs[1]) is not { } right || left.Inputs[0]!.Type!.Value.Shape != right.Inputs[0]!.Type!.Value.Shape ||
            Zero(left) is not { } leftZero || Zero(right) is not { } rightZero || Zero(quantize) is not { } zero)
        {
            return false;
        }

        editor.Replace(quantize, QuantizedSum.Name, [left.Inputs[0], left.Inputs[1], leftZero, right.Inputs[0], right.Inputs[1], rightZero, quantize.Inputs[1], zero], new ClampFusion(limits));
        return true;
    }

    // The node of ONNX's that makes a value which nobody else reads.
    private static Node? Made(GraphEditor editor, Value value) => value.Producer is { Domain: "" } node && editor.OnlyConsumer(value) is not null ? node : null;

    private static Node? Dequantized(Value? value) =>
        value?.Producer is { } node && value.Constant is null && IsQuantization(node, "DequantizeLinear") && IsByte(node.Inputs[0]!) && node.Inputs[0]!.Constant is null && value.Type!.Value.ElementType == ElementType.Float32 ? node : null;

    // With one scale, in single precision.
    private static bool IsQuantization(Node node, string operatorType) =>
        node.Domain.Length == 0 && node.OperatorType == operatorType && node.Inputs[1]!.Type!.Value is { ElementType: ElementType.Float32, Shape.ElementCount: 1 } && node.Attributes.Int("block_size", 0) == 0;

    private static Value? Zero(Node quantization) => quantization.Inputs.Length > 2 ? quantization.Inputs[2] : null;

    private static bool IsSame(Value? left, Value? right) =>
        ReferenceEquals(left, right) || (left?.Constant is { Data: { } first } a && right?.Constant is { Data: { } second } b && a.Type.ElementType == b.Type.ElementType && first.AsSpan().SequenceEqual(second));

    private static bool IsByte(Value value) => value.Type!.Value.ElementType is ElementType.UInt8 or ElementType.Int8;
}
