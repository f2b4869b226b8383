using OnnxStream.Interop.Graphs;
using OnnxStream.Interop.Tensors;

namespace OnnxStream.Interop.Sessions;

/// <summary>Finds the inputs of a model whose integers pick entries of a tensor (tokens of a vocabulary, positions), and how many entries there are.</summary>
/// <remarks>
/// An input is followed through nodes that leave its elements what they are, and into the bodies of loops. Where it ends as the indices of a
/// table of unknown size, one entry is what is certain.
/// </remarks>
internal sealed class IndexInputs
{
    // Through so many nodes the size of a table is looked for.
    private const int MaximumDepth = 16;

    // What these nodes give are elements of their first input.
    private static readonly HashSet<string> s_movers =
        ["Cast", "CastLike", "Identity", "Unsqueeze", "Squeeze", "Reshape", "Flatten", "Transpose", "Expand", "Tile", "Slice", "Split", "Gather", "GatherElements", "GatherND", "Pad", "Dropout"];

    private readonly Dictionary<Value, List<(Node Node, int Input)>> _readers = [];

    private IndexInputs(Graph graph)
    {
        foreach (Node node in graph.AllNodes())
        {
            for (int i = 0; i < node.Inputs.Length; i++)
            {
                if (node.Inputs[i] is { } input)
                {
                    if (!_readers.TryGetValue(input, out List<(Node, int)>? readers))
                    {
                        _readers.Add(input, readers = []);
                    }

                    readers.Add((node, i));
                }
            }
        }
    }

    /// <summary>For each input that picks entries, how many there are, at least 1; other inputs are left out.</summary>
    public static Dictionary<string, long> Find(Graph graph)
    {
        IndexInputs inputs = new(graph);
        Dictionary<string, long> found = [];
        foreach (Value input in graph.Inputs.Concat(graph.OptionalInputs))
        {
            if (input.Declared is { IsTensor: true } declared && declared.ElementType.IsInteger() && inputs.Limit(input) is { } limit)
            {
                found[input.Name] = Math.Max(1, limit);
            }
        }

        return found;
    }

    private long? Limit(Value input)
    {
        long? limit = null;
        HashSet<Value> seen = [input];
        Stack<Value> open = new([input]);
        while (open.TryPop(out Value? value))
        {
            foreach ((Node node, int index) in _readers.GetValueOrDefault(value) ?? [])
            {
                if (Entries(node, index) is { } entries)
                {
                    limit = Math.Min(limit ?? entries, entries);
                }

                foreach (Value next in Followers(node, index))
                {
                    if (seen.Add(next))
                    {
                        open.Push(next);
                    }
                }
            }
        }

        return limit;
    }

    // How many entries the indices at an input choose among; null where they are no indices, 1 where it is not known.
    private static long? Entries(Node node, int input) => (node.Domain, node.OperatorType, input) switch
    {
        ("", "Gather" or "GatherElements" or "ScatterElements" or "Scatter", 1) => Dimension(node, 0, node.Attributes.All.GetValueOrDefault("axis") is long axis ? axis : 0),
        ("", "GatherND" or "ScatterND", 1) => SmallestDimension(node),
        ("", "OneHot", 0) => Depth(node),
        ("", "RotaryEmbedding", 3) => Dimension(node, 1, 0),
        (OperatorSets.MicrosoftDomain, "RotaryEmbedding", 1) => Dimension(node, 2, 0),
        (OperatorSets.MicrosoftDomain, "EmbedLayerNormalization", 0 or 1) => Dimension(node, input == 0 ? 2 : 4, 0),
        (OperatorSets.MicrosoftDomain, "GatherBlockQuantized", 1) => Dimension(node, 0, node.Attributes.All.GetValueOrDefault("gather_axis") is long axis ? axis : 0),
        _ => null,
    };

    private static IEnumerable<Value> Followers(Node node, int input)
    {
        bool moves = node.Domain.Length == 0 && (node.OperatorType == "Concat" || (input == 0 && s_movers.Contains(node.OperatorType)) || (node.OperatorType == "Where" && input > 0));
        if (moves)
        {
            return node.Outputs.OfType<Value>();
        }

        // The first two inputs of a Loop are its own, and as many are its body's; those of a Scan are the body's.
        bool enters = (node.OperatorType == "Loop" && input >= 2) || (node.OperatorType == "Scan" && node.OperatorSet >= 9);
        return enters && node.Attributes.All.GetValueOrDefault("body") is Graph body && input < body.Inputs.Count ? [body.Inputs[input]] : [];
    }

    private static long Depth(Node node) =>
        node.Inputs.Length > 1 && node.Inputs[1] is { } depth && Content(depth) is { Data: { } data } constant && constant.Type.Shape.ElementCount == 1
            ? constant.Type.ElementType switch
            {
                ElementType.Int64 => BitConverter.ToInt64(data),
                ElementType.Int32 => BitConverter.ToInt32(data),
                ElementType.Float32 => (long)BitConverter.ToSingle(data),
                _ => 1,
            }
            : 1;

    private static long Dimension(Node node, int input, long axis) =>
        Dimensions(node, input) is { } dimensions && axis >= -dimensions.Length && axis < dimensions.Length && dimensions[(int)(axis < 0 ? axis + dimensions.Length : axis)] is { IsKnown: true } dimension ? dimension.Value : 1;

    // Tuples of indices choose along several axes, and a number of an input may be for any of them.
    private static long SmallestDimension(Node node) =>
        Dimensions(node, 0) is { } dimensions ? dimensions.Select(dimension => dimension.IsKnown ? dimension.Value : 1).DefaultIfEmpty(1).Min() : 1;

    private static Dimension[]? Dimensions(Node node, int input)
    {
        Value? table = input < node.Inputs.Length ? node.Inputs[input] : null;
        for (int i = 0; i < MaximumDepth && table is not null; i++)
        {
            if (Content(table) is { } constant)
            {
                return [.. constant.Type.Shape.ToArray().Select(dimension => new Dimension(dimension))];
            }

            if (table.Declared?.Dimensions is { } declared)
            {
                return [.. declared];
            }

            table = table.Producer is { Domain: "", OperatorType: "Cast" or "Identity" or "DequantizeLinear" or "QuantizeLinear" } producer ? producer.Inputs.FirstOrDefault() : null;
        }

        return null;
    }

    private static Constant? Content(Value value) =>
        value.Constant ?? (value.Producer is { Domain: "", OperatorType: "Constant" } producer
            ? producer.Attributes.All.GetValueOrDefault("value") as Constant ?? (producer.Attributes.All.GetValueOrDefault("value_int") is long number ? Constant.Of(Shape.Scalar, number) : null)
            : null);
}
