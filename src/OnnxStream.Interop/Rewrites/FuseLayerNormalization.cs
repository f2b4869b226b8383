using OnnxStream.Interop.Graphs;
using OnnxStream.Interop.Operators;

namespace OnnxStream.Interop.Rewrites;

/// <summary>Makes one LayerNormalization out of the nodes that exporters before opset 17 spell it with.</summary>
/// <remarks>
/// <code>
/// mean = ReduceMean(x, -1); d = Sub(x, mean); v = ReduceMean(Pow(d, 2) or Mul(d, d), -1)
/// y = Add(Mul(Div(d, Sqrt(Add(v, epsilon))), scale), bias)
/// </code>
/// scale and bias are constants as long as the last dimension; a chain without bias is fused too.
/// </remarks>
internal static class FuseLayerNormalization
{
    /// <summary>Rewrites <paramref name="graph"/>.</summary>
    public static void Apply(Graph graph)
    {
        GraphEditor editor = new(graph);
        foreach (Node division in graph.Nodes)
        {
            if (division is { Domain: "", OperatorType: "Div" })
            {
                TryFuse(editor, division);
            }
        }

        editor.Apply();
    }

    private static void TryFuse(GraphEditor editor, Node division)
    {
        Value difference = division.Inputs[0]!;
        if (difference.Producer is not { Domain: "", OperatorType: "Sub" } subtraction ||
            editor.Producer(division.Inputs[1], "Sqrt") is not { } root ||
            editor.Producer(root.Inputs[0], "Add") is not { } addition ||
            editor.Producer(Epsilon(addition, out float epsilon), "ReduceMean") is not { } meanOfSquares || !IsOverLastAxis(meanOfSquares) ||
            Square(editor, meanOfSquares.Inputs[0], difference) is not { } square ||
            !editor.IsReadOnlyBy(difference, square, division) ||
            editor.Producer(subtraction.Inputs[1], "ReduceMean") is not { } mean || !IsOverLastAxis(mean) ||
            !ReferenceEquals(mean.Inputs[0], subtraction.Inputs[0]))
        {
            return;
        }

        Value input = subtraction.Inputs[0]!;
        if (editor.OnlyConsumer(division.Outputs[0]!) is not { Domain: "", OperatorType: "Mul" } scaling ||
            Parameter(GraphEditor.Other(scaling, division.Outputs[0]!), input) is not { } scale)
        {
            return;
        }

        Node last = scaling;
        Value? bias = null;
        if (editor.OnlyConsumer(scaling.Outputs[0]!) is { Domain: "", OperatorType: "Add" } shift && Parameter(GraphEditor.Other(shift, scaling.Outputs[0]!), input) is { } found)
        {
            (last, bias) = (shift, found);
        }

        editor.Replace(last, "LayerNormalization", "", bias is null ? [input, scale] : [input, scale, bias], ("axis", -1L), ("epsilon", epsilon));
    }

    // Of variance + epsilon, the variance; null if neither is a positive constant.
    private static Value? Epsilon(Node addition, out float epsilon)
    {
        for (int i = 0; i < 2; i++)
        {
            if (GraphEditor.Scalar(addition.Inputs[i]) is { } number and > 0)
            {
                epsilon = number;
                return addition.Inputs[1 - i];
            }
        }

        epsilon = 0;
        return null;
    }

    private static Node? Square(GraphEditor editor, Value? value, Value difference) =>
        editor.Producer(value, "Pow") is { } power && ReferenceEquals(power.Inputs[0], difference) && GraphEditor.IsScalar(power.Inputs[1], 2) ? power :
        editor.Producer(value, "Mul") is { } product && ReferenceEquals(product.Inputs[0], difference) && ReferenceEquals(product.Inputs[1], difference) ? product :
        null;

    private static Value? Parameter(Value? value, Value input)
    {
        Shape shape = input.Type!.Value.Shape;
        return value?.Constant is { } constant && constant.Type.ElementType == input.Type.Value.ElementType && shape.Rank > 0 && constant.Type.Shape == new Shape(shape[^1]) ? value : null;
    }

    private static bool IsOverLastAxis(Node node)
    {
        int rank = node.Inputs[0]!.Type!.Value.Shape.Rank;
        long[]? axes = new InferenceContext(node).HasInput(1) ? new InferenceContext(node).TryIntegers(1) : node.Attributes.Ints("axes");
        return node.Attributes.Int("keepdims", 1) == 1 && axes is [var axis] && (axis == -1 || axis == rank - 1);
    }
}
