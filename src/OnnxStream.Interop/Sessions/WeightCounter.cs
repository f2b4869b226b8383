using OnnxStream.Interop.Graphs;
using OnnxStream.Interop.Tensors;

namespace OnnxStream.Interop.Sessions;

/// <summary>Counts the weights of a model: each once, however many nodes read it, and wherever the file holds it (initializers, nodes that are constants).</summary>
/// <remarks>
/// Parameters are floating-point numbers, and integers that stand for such: those that are dequantized, or weights of quantized products.
/// Shapes, axes and zero points are none.
/// </remarks>
internal static class WeightCounter
{
    // Where operators read integers that are weights.
    private static readonly HashSet<(string Domain, string OperatorType, int Input)> s_quantized =
    [
        ("", "DequantizeLinear", 0),
        ("", "QLinearConv", 3),
        ("", "QLinearConv", 8),
        ("", "QLinearMatMul", 0),
        ("", "QLinearMatMul", 3),
        ("", "ConvInteger", 1),
        ("", "MatMulInteger", 0),
        ("", "MatMulInteger", 1),
        (OperatorSets.MicrosoftDomain, "DequantizeLinear", 0),
        (OperatorSets.MicrosoftDomain, "DynamicQuantizeMatMul", 1),
        (OperatorSets.MicrosoftDomain, "MatMulIntegerToFloat", 1),
        (OperatorSets.MicrosoftDomain, "QGemm", 3),
        (OperatorSets.MicrosoftDomain, "QGemm", 6),
    ];

    /// <summary>The number of parameters, and the bytes of all constants as they are stored.</summary>
    public static (long Parameters, long Bytes) Count(Graph graph)
    {
        // Two initializers may be the same bytes of a file, and copies of a function have the same attributes.
        Dictionary<object, (long Parameters, long Bytes)> found = [];
        foreach (Value value in graph.Outputs.Concat(graph.OptionalInputs))
        {
            Add(value, 0, null);
        }

        foreach (Node node in graph.AllNodes())
        {
            for (int i = 0; i < node.Inputs.Length; i++)
            {
                if (node.Inputs[i] is { } input)
                {
                    Add(input, i, node);
                }
            }
        }

        return (found.Values.Sum(weight => weight.Parameters), found.Values.Sum(weight => weight.Bytes));

        void Add(Value value, int input, Node? reader)
        {
            if (Content(value) is { } constant)
            {
                object key = constant.Location is { } location ? (location.Source.Id, location.Offset, location.Length) : constant;
                long elements = constant.Type.Shape.ElementCount;
                long parameters = constant.Type.ElementType.IsFloat() || constant.Type.ElementType.IsNarrowFloat() ? elements : reader is null ? 0 : IntegerParameters(reader, input, elements);
                found[key] = (Math.Max(parameters, found.GetValueOrDefault(key).Parameters), constant.Location?.Length ?? constant.Data!.Length);
            }
        }
    }

    // How many parameters the integers are that a node reads.
    private static long IntegerParameters(Node node, int input, long elements)
    {
        if (s_quantized.Contains((node.Domain, node.OperatorType, input)))
        {
            return elements;
        }

        if (node is not { Domain: OperatorSets.MicrosoftDomain, OperatorType: "MatMulNBits" } || input != 1)
        {
            return 0;
        }

        // Several lie in a byte, and the last ones of a row may be padding.
        Int128 most = (Int128)elements * 8 / Math.Max(1, Number("bits", 4));
        return (long)Int128.Clamp((Int128)Number("N", 0) * Number("K", 0), 0, Int128.Min(most, long.MaxValue));

        long Number(string attribute, long otherwise) => node.Attributes.All.GetValueOrDefault(attribute) is long number ? number : otherwise;
    }

    private static Constant? Content(Value value)
    {
        if (value.Constant is not null || value.Producer is not { OperatorType: "Constant", Domain: "" } producer)
        {
            return value.Constant;
        }

        // Lists and single numbers are attributes, too.
        IReadOnlyDictionary<string, object> attributes = producer.Attributes.All;
        return attributes.GetValueOrDefault("value") as Constant ?? (
            attributes.GetValueOrDefault("value_floats") is float[] floats ? Constant.Of(new Shape(floats.Length), floats) :
            attributes.GetValueOrDefault("value_float") is float number ? Constant.Of(Shape.Scalar, number) : null);
    }
}
