using OnnxStream.Interop.Graphs;
using OnnxStream.Interop.Operators;

namespace OnnxStream.Interop.Rewrites;

/// <summary>Makes one Activation node out of the spellings of SiLU, quick-GELU and GELU, and one GatedActivation out of GEGLU.</summary>
/// <remarks>
/// <code>
/// SiLU:       Mul(x, Sigmoid(x))
/// quick-GELU: Mul(x, Sigmoid(Mul(x, 1.702)))
/// GELU (erf): Mul(Mul(x, Add(Erf(Div(x, sqrt 2)), 1)), 0.5), and with the factor 0.5 on x or with Mul(x, 1/sqrt 2)
/// GELU (tanh): Mul(Mul(x, 0.5), Add(Tanh(Mul(Add(x, Mul(Pow(x, 3), 0.044715)), sqrt(2/pi))), 1)) in either association
/// GEGLU:      Mul(a, GELU(b)) where a, b are the halves of a Split or two Slices of the last dimension
/// </code>
/// </remarks>
internal static class FuseActivations
{
    /// <summary>Rewrites <paramref name="graph"/>.</summary>
    public static void Apply(Graph graph)
    {
        GraphEditor editor = new(graph);
        foreach (Node node in graph.Nodes)
        {
            if (node is { Domain: "", OperatorType: "Mul" } && node.Outputs[0]!.Type!.Value.ElementType == ElementType.Float32 && Match(editor, node) is var (input, kind) && input is not null)
            {
                editor.Replace(node, FusedActivation.Name, [input], new ActivationFusion(kind));
            }
        }

        editor.Apply();
        FuseGates(graph);
    }

    private static (Value? Input, ActivationKind Kind) Match(GraphEditor editor, Node last)
    {
        for (int i = 0; i < 2; i++)
        {
            Value x = last.Inputs[i]!;
            Value? other = last.Inputs[1 - i];
            if (editor.Producer(other, "Sigmoid") is { } sigmoid)
            {
                if (ReferenceEquals(sigmoid.Inputs[0], x))
                {
                    return (x, ActivationKind.Silu);
                }

                if (editor.Producer(sigmoid.Inputs[0], "Mul") is { } scaling && GraphEditor.IsScalar(GraphEditor.Other(scaling, x), 1.702f))
                {
                    return (x, ActivationKind.QuickGelu);
                }
            }
        }

        // GELU is a product of x, 0.5 and a bracket, in any association.
        List<Value> factors = Factors(editor, last);
        if (factors.Count != 3)
        {
            return (null, default);
        }

        int half = factors.FindIndex(factor => GraphEditor.IsScalar(factor, 0.5f));
        if (half < 0)
        {
            return (null, default);
        }

        factors.RemoveAt(half);
        for (int i = 0; i < 2; i++)
        {
            Value x = factors[i];
            if (editor.Producer(factors[1 - i], "Add") is not { } bracket)
            {
                continue;
            }

            for (int k = 0; k < 2; k++)
            {
                if (!GraphEditor.IsScalar(bracket.Inputs[k], 1))
                {
                    continue;
                }

                Value function = bracket.Inputs[1 - k]!;
                if (editor.Producer(function, "Erf") is { } erf && IsOverRootTwo(editor, erf.Inputs[0], x))
                {
                    return (x, ActivationKind.Gelu);
                }

                if (editor.Producer(function, "Tanh") is { } tanh && IsTanhArgument(editor, tanh.Inputs[0], x))
                {
                    return (x, ActivationKind.GeluTanh);
                }
            }
        }

        return (null, default);
    }

    // The factors of a product of three, one level deep.
    private static List<Value> Factors(GraphEditor editor, Node last)
    {
        List<Value> factors = [];
        foreach (Value? input in last.Inputs)
        {
            if (factors.Count < 2 && editor.Producer(input, "Mul") is { } inner && factors.All(factor => factor is not null) && last.Inputs.Count(other => editor.Producer(other, "Mul") is not null) == 1)
            {
                factors.Add(inner.Inputs[0]!);
                factors.Add(inner.Inputs[1]!);
            }
            else
            {
                factors.Add(input!);
            }
        }

        return factors;
    }

    private static bool IsOverRootTwo(GraphEditor editor, Value? value, Value x) =>
        (editor.Producer(value, "Div") is { } division && ReferenceEquals(division.Inputs[0], x) && GraphEditor.IsScalar(division.Inputs[1], MathF.Sqrt(2))) ||
        (editor.Producer(value, "Mul") is { } product && GraphEditor.IsScalar(GraphEditor.Other(product, x), 1 / MathF.Sqrt(2)));

    private static bool IsTanhArgument(GraphEditor editor, Value? value, Value x)
    {
        if (editor.Producer(value, "Mul") is not { } outer)
        {
            return false;
        }

        for (int i = 0; i < 2; i++)
        {
            if (GraphEditor.IsScalar(outer.Inputs[i], MathF.Sqrt(2 / MathF.PI)) && editor.Producer(outer.Inputs[1 - i], "Add") is { } sum &&
                editor.Producer(GraphEditor.Other(sum, x), "Mul") is { } cubic)
            {
                for (int k = 0; k < 2; k++)
                {
                    if (GraphEditor.IsScalar(cubic.Inputs[k], 0.044715f) && editor.Producer(cubic.Inputs[1 - k], "Pow") is { } power &&
                        ReferenceEquals(power.Inputs[0], x) && GraphEditor.IsScalar(power.Inputs[1], 3))
                    {
                        return true;
                    }
                }
            }
        }

        return false;
    }

    private static void FuseGates(Graph graph)
    {
        GraphEditor editor = new(graph);
        foreach (Node product in graph.Nodes)
        {
            if (product is not { Domain: "", OperatorType: "Mul" })
            {
                continue;
            }

            for (int i = 0; i < 2; i++)
            {
                Value value = product.Inputs[i]!;
                Value gated = product.Inputs[1 - i]!;
                if (gated.Producer is { Domain: OperatorSets.InternalDomain, OperatorType: FusedActivation.Name } activation && ReferenceEquals(editor.OnlyConsumer(gated), product) &&
                    Halves(editor, value, activation.Inputs[0]!, product, activation) is { } both)
                {
                    editor.Replace(product, GatedActivation.Name, [both], activation.Fusion!);
                    break;
                }
            }
        }

        editor.Apply();
    }

    // The tensor of whose last dimension "value" is the first half and "gate" the second.
    private static Value? Halves(GraphEditor editor, Value value, Value gate, Node product, Node activation)
    {
        if (!editor.IsReadOnlyBy(value, product) || !editor.IsReadOnlyBy(gate, activation) || value.Producer is not { Domain: "" } first || gate.Producer is not { Domain: "" } second ||
            value.Type != gate.Type || first.Inputs[0]?.Type is not { } whole || !ReferenceEquals(first.Inputs[0], second.Inputs[0]))
        {
            return null;
        }

        Shape half = value.Type!.Value.Shape;
        if (whole.Shape.Rank != half.Rank || whole.Shape != half.With(half.Rank - 1, 2 * half[^1]))
        {
            return null;
        }

        if (first.OperatorType == "Split" && ReferenceEquals(first, second))
        {
            return ReferenceEquals(first.Outputs[0], value) && ReferenceEquals(first.Outputs[1], gate) ? first.Inputs[0] : null;
        }

        return first.OperatorType == "Slice" && second.OperatorType == "Slice" && Start(first) == 0 && Start(second) == half[^1] ? first.Inputs[0] : null;
    }

    // The output's shape says that a slice covers half of the last dimension; its start says which half. -1 if it is not a plain slice.
    private static long Start(Node slice)
    {
        InferenceContext context = new(slice);
        if (!context.HasInput(1) || context.TryIntegers(1) is not [var start] || (context.HasInput(4) && context.TryIntegers(4) is not [1]))
        {
            return -1;
        }

        return start < 0 ? start + slice.Inputs[0]!.Type!.Value.Shape[^1] : start;
    }
}
