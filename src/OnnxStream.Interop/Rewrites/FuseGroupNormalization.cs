using System.Runtime.InteropServices;
using OnnxStream.Interop.Graphs;
using OnnxStream.Interop.Operators;
using OnnxStream.Interop.Tensors;

namespace OnnxStream.Interop.Rewrites;

/// <summary>Makes one internal GroupNormalization out of the exporter's spelling of it, and joins a SiLU that follows.</summary>
/// <remarks>
/// <code>
/// n = Reshape(InstanceNormalization(Reshape(x, [N, G, -1]), ones, zeros), shape of x)
/// y = Add(Mul(n, scale [C,1,1]), bias [C,1,1]);  optionally  z = Mul(y, Sigmoid(y))
/// </code>
/// x has three dimensions or more; scale and bias are constants with one number for each channel.
/// </remarks>
internal static class FuseGroupNormalization
{
    /// <summary>Rewrites <paramref name="graph"/>.</summary>
    public static void Apply(Graph graph)
    {
        GraphEditor editor = new(graph);
        foreach (Node node in graph.Nodes)
        {
            if (node is { Domain: "", OperatorType: "InstanceNormalization" })
            {
                TryFuse(editor, node);
            }
        }

        editor.Apply();
    }

    private static void TryFuse(GraphEditor editor, Node norm)
    {
        if (editor.Producer(norm.Inputs[0], "Reshape") is not { } grouping ||
            !IsFilledWith(norm.Inputs[1], 1) || !IsFilledWith(norm.Inputs[2], 0) ||
            editor.OnlyConsumer(norm.Outputs[0]!) is not { Domain: "", OperatorType: "Reshape" } back ||
            editor.OnlyConsumer(back.Outputs[0]!) is not { Domain: "", OperatorType: "Mul" } scaling ||
            editor.OnlyConsumer(scaling.Outputs[0]!) is not { Domain: "", OperatorType: "Add" } shift)
        {
            return;
        }

        Value input = grouping.Inputs[0]!;
        TensorType type = input.Type!.Value;
        Shape grouped = grouping.Outputs[0]!.Type!.Value.Shape;
        if (type.ElementType != ElementType.Float32 || type != back.Outputs[0]!.Type || type.Shape.Rank < 3 || grouped.Rank != 3 || grouped[0] != type.Shape[0] ||
            type.Shape[1] % grouped[1] != 0 ||
            PerChannel(GraphEditor.Other(scaling, back.Outputs[0]!), type.Shape) is not { } scale ||
            PerChannel(GraphEditor.Other(shift, scaling.Outputs[0]!), type.Shape) is not { } bias)
        {
            return;
        }

        Node last = shift;
        bool hasSilu = false;
        if (SiluOf(editor, shift.Outputs[0]!) is { } silu)
        {
            (last, hasSilu) = (silu, true);
        }

        editor.Replace(last, FusedGroupNormalization.Name, [input, scale, bias], new GroupNormalizationFusion(grouped[1], norm.Attributes.Float("epsilon", 1e-5f), hasSilu, IsChannelsLast: false));
    }

    private static Node? SiluOf(GraphEditor editor, Value value)
    {
        foreach (Node product in editor.Consumers(value))
        {
            if (product is { Domain: "", OperatorType: "Mul" } && GraphEditor.Other(product, value) is { Producer: { Domain: "", OperatorType: "Sigmoid" } sigmoid } gate &&
                ReferenceEquals(sigmoid.Inputs[0], value) && ReferenceEquals(editor.OnlyConsumer(gate), product) && editor.IsReadOnlyBy(value, sigmoid, product))
            {
                return product;
            }
        }

        return null;
    }

    // [C,1,1] or [1,C,1,1] as [C]
    private static Value? PerChannel(Value? value, Shape input)
    {
        if (value?.Constant is not { } constant || constant.Type.Shape.ElementCount != input[1] || constant.Type.Shape.Rank < input.Rank - 1 ||
            constant.Type.Shape[constant.Type.Shape.Rank - (input.Rank - 1)] != input[1])
        {
            return null;
        }

        Constant vector = constant.WithShape(new Shape(input[1]));
        return new Value(value.Name) { Type = vector.Type, Constant = vector };
    }

    private static bool IsFilledWith(Value? value, float number)
    {
        if (value?.Constant is not { } constant || constant.Type.ElementType != ElementType.Float32)
        {
            return false;
        }

        float[] numbers = constant.Data is { } data ? MemoryMarshal.Cast<byte, float>(data).ToArray() : [];
        return numbers.Length > 0 && Array.TrueForAll(numbers, element => element == number);
    }
}
