using OnnxStream.Interop.Graphs;

namespace OnnxStream.Interop.Operators;

/// <summary>The activations that ONNX Runtime's fused layers name in an attribute.</summary>
internal static class NamedActivation
{
    // The names with their ONNX operators, and the attributes that parameters become, in order.
    private static readonly Dictionary<string, (string OperatorType, string[] Parameters)> s_activations = new()
    {
        ["Celu"] = ("Celu", ["alpha"]),
        ["Elu"] = ("Elu", ["alpha"]),
        ["Gelu"] = ("Gelu", []),
        ["HardSigmoid"] = ("HardSigmoid", ["alpha", "beta"]),
        ["HardSwish"] = ("HardSwish", []),
        ["LeakyRelu"] = ("LeakyRelu", ["alpha"]),
        ["Relu"] = ("Relu", []),
        ["Selu"] = ("Selu", ["alpha", "gamma"]),
        ["Sigmoid"] = ("Sigmoid", []),
        ["Silu"] = ("Swish", []),
        ["Softplus"] = ("Softplus", []),
        ["Softsign"] = ("Softsign", []),
        ["Tanh"] = ("Tanh", []),
        ["ThresholdedRelu"] = ("ThresholdedRelu", ["alpha"]),
    };

    /// <summary>Applies the activation that attribute <c>activation</c> names; none if there is no such attribute.</summary>
    /// <param name="context">The operator.</param>
    /// <param name="value">What it is applied to.</param>
    /// <param name="parameter">Finds a parameter by its position and the name that the ONNX operator has for it; null for its default.</param>
    /// <exception cref="UnsupportedOperatorException">There is no activation of that name.</exception>
    public static Value Apply(FunctionContext context, Value value, Func<int, string, float?> parameter)
    {
        string name = context.Attributes.String("activation", "");
        if (name.Length == 0)
        {
            return value;
        }

        if (name == "Clip")
        {
            ElementType type = value.Type!.Value.ElementType;
            return context.Add("Clip", [value, Bound(0, "min"), Bound(1, "max")]);

            Value? Bound(int index, string attribute) => parameter(index, attribute) is { } bound ? context.Number(type, bound) : null;
        }

        if (!s_activations.TryGetValue(name, out (string OperatorType, string[] Parameters) found))
        {
            throw context.Unsupported($"the activation '{name}'");
        }

        List<(string, object)> attributes = [];
        for (int i = 0; i < found.Parameters.Length; i++)
        {
            if (parameter(i, found.Parameters[i]) is { } given)
            {
                attributes.Add((found.Parameters[i], given));
            }
        }

        return context.Add(found.OperatorType, [value], [.. attributes]);
    }
}
