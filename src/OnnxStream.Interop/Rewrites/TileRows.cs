using OnnxStream.Interop.Graphs;
using OnnxStream.Interop.Operators;
using OnnxStream.Interop.Tensors;

namespace OnnxStream.Interop.Rewrites;

/// <summary>Puts chains of operators that treat each row alike into tiles of rows, where something large lies inside the chain.</summary>
/// <remarks>
/// <code>
/// [LayerNormalization] -> FullyConnected or MatMul with a weight, to more columns -> {Activation, Add of a constant, FullyConnected, MatMul} -> [Add of a tensor with as many rows]
/// </code>
/// As in the feed-forward part of a transformer: its hidden tensor has four times the columns of what goes in and out.
/// </remarks>
internal static class TileRows
{
    // Below, there is nothing to gain: other parts of a model need as much.
    private const long LargeBytes = 8 << 20;

    private const long TileBytes = 4 << 20;

    /// <summary>Rewrites <paramref name="graph"/>.</summary>
    public static void Apply(Graph graph)
    {
        GraphEditor editor = new(graph);
        HashSet<Node> taken = [];
        foreach (Node node in graph.Nodes)
        {
            if (!taken.Contains(node) && IsProduct(node) && node.Outputs[0]!.Type!.Value is var hidden && hidden.ByteLength >= LargeBytes && hidden.Shape[^1] > node.Inputs[0]!.Type!.Value.Shape[^1] &&
                Chain(editor, node) is { } chain && chain[^1].Outputs[0]!.Type!.Value.ByteLength < hidden.ByteLength)
            {
                Shape shape = hidden.Shape;
                long rows = shape.Product(0, shape.Rank - 1);
                long tiles = (hidden.ByteLength + TileBytes - 1) / TileBytes;
                long most = Math.Min(rows, 4 * tiles);
                while (tiles <= most && rows % tiles != 0)
                {
                    tiles++;
                }

                if (tiles <= most)
                {
                    taken.UnionWith(chain);
                    (Graph body, List<Value> inputs) = Body(chain, rows / tiles);
                    editor.Replace(chain[^1], RowTiles.Name, inputs, new RowTilesFusion(body, tiles));
                }
            }
        }

        editor.Apply();
    }

    private static List<Node>? Chain(GraphEditor editor, Node hot)
    {
        List<Node> chain = [hot];
        Shape rows = Rows(hot.Outputs[0]!);
        if (hot.Inputs[0]!.Producer is { Domain: "", OperatorType: "LayerNormalization" } normalization && normalization.Outputs.Length == 1 && editor.OnlyConsumer(hot.Inputs[0]!) == hot && IsAlongLast(normalization))
        {
            chain.Insert(0, normalization);
        }

        while (editor.OnlyConsumer(chain[^1].Outputs[0]!) is { } next && next.Outputs.Length == 1)
        {
            Value value = chain[^1].Outputs[0]!;
            if ((IsProduct(next) && ReferenceEquals(next.Inputs[0], value)) || next is { Domain: OperatorSets.InternalDomain, OperatorType: FusedActivation.Name })
            {
                chain.Add(next);
            }
            else if (next is { Domain: "", OperatorType: "Add" } && GraphEditor.Other(next, value) is { } other && next.Outputs[0]!.Type == value.Type)
            {
                if (other.Constant is not null && other.Type!.Value.Shape.ElementCount == value.Type!.Value.Shape[^1])
                {
                    chain.Add(next);
                    continue;
                }

                if (other.Constant is null && other.Type == value.Type && Rows(other) == rows)
                {
                    chain.Add(next);
                }

                break;
            }
            else
            {
                break;
            }
        }

        return chain.Count > 1 && Rows(chain[0].Inputs[0]!) == rows ? chain : null;
    }

    private static Shape Rows(Value value) => new(value.Type!.Value.Shape.Dimensions[..^1]);

    private static bool IsAlongLast(Node normalization)
    {
        int rank = normalization.Inputs[0]!.Type!.Value.Shape.Rank;
        return normalization.Attributes.Int("axis", -1) is var axis && (axis == -1 || axis == rank - 1) &&
            normalization.Inputs.Skip(1).All(input => input is null || (input.Constant is not null && input.Type!.Value.Shape.Rank <= 1));
    }

    private static bool IsProduct(Node node) =>
        (node is { Domain: OperatorSets.InternalDomain, OperatorType: FullyConnected.Name } or { Domain: "", OperatorType: "MatMul" }) &&
        node.Inputs[0] is { Constant: null, Type: { ElementType: ElementType.Float32, Shape.Rank: > 1 } } && node.Inputs[1] is { Constant.Location: not null, Type.Shape.Rank: 2 };

    private static (Graph Body, List<Value> Inputs) Body(List<Node> chain, long rows)
    {
        Dictionary<Value, Value> values = [];
        List<Value> outer = [];
        Graph body = new() { Name = chain[^1].Name };
        foreach (Node node in chain)
        {
            Value[] inputs = [.. node.Inputs.Select(input => Inner(input!))];
            Value output = new(node.Outputs[0]!.Name);
            Dictionary<string, object> attributes = new(node.Attributes.All);
            if (node.OperatorType == "LayerNormalization")
            {
                attributes["axis"] = -1L;
            }

            Node clone = new(node.OperatorType, node.Domain, node.OperatorSet, node.Name, inputs, [output], new Attributes(attributes)) { Fusion = node.Fusion };
            OperatorRegistry.Get(clone).Infer(new InferenceContext(clone));
            values.Add(node.Outputs[0]!, output);
            body.Nodes.Add(clone);
        }

        body.Outputs.Add(values[chain[^1].Outputs[0]!]);
        return (body, outer);

        Value Inner(Value value)
        {
            if (!values.TryGetValue(value, out Value? inner))
            {
                inner = value;
                if (value.Constant is null)
                {
                    inner = new Value(value.Name) { Type = value.Type!.Value with { Shape = new Shape(rows, value.Type.Value.Shape[^1]) } };
                    body.Inputs.Add(inner);
                    outer.Add(value);
                }
                else if (value.Type!.Value.Shape.Rank > 2)
                {
                    Constant flat = value.Constant.WithShape(new Shape(value.Constant.Type.Shape.ElementCount));
                    inner = new Value(value.Name) { Type = flat.Type, Constant = flat };
                }

                values.Add(value, inner);
            }

            return inner;
        }
    }
}
