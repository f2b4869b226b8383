using System.Runtime.InteropServices;
using OnnxStream.Interop.Graphs;
using OnnxStream.Interop.Operators;
using OnnxStream.Interop.Tensors;

namespace OnnxStream.Interop.Rewrites;

/// <summary>Lets chains of image operators work on [N,H,W,C] from end to end.</summary>
/// <remarks>
/// XNNPACK convolves channels-last tensors. Convolutions and group normalizations are rewritten to take and give those;
/// element-wise operators, quantization with one scale, batch normalization, concatenation, padding, resizing, pooling and reductions over the space follow where their
/// input already is channels-last. Where somebody wants [N,C,H,W], a Transpose is put; those that nobody reads vanish. On the border between images and tokens,
/// Transpose and Reshape pairs become plain Reshapes, which cost nothing.
/// </remarks>
internal sealed class ChannelsLast
{
    private static readonly long[] s_toLast = [0, 2, 3, 1];
    private static readonly long[] s_toFirst = [0, 3, 1, 2];

    private static readonly HashSet<string> s_unary =
    [
        "Abs", "Ceil", "Clip", "Cos", "Elu", "Erf", "Exp", "Floor", "Gelu", "HardSigmoid", "HardSwish", "LeakyRelu", "Log", "Mish", "Neg", "Reciprocal",
        "Relu", "Round", "Selu", "Sigmoid", "Sin", "Softplus", "Softsign", "Sqrt", "Swish", "Tanh", "ThresholdedRelu",
    ];

    private static readonly HashSet<string> s_binary = ["Add", "Div", "Mul", "Sub"];

    private readonly Graph _graph;
    private readonly List<Node> _nodes = [];

    // For a value [N,C,H,W], the value with the same elements as [N,H,W,C].
    private readonly Dictionary<Value, Value> _last = [];

    private ChannelsLast(Graph graph) => _graph = graph;

    /// <summary>Rewrites <paramref name="graph"/>.</summary>
    public static void Apply(Graph graph) => new ChannelsLast(graph).Run();

    private void Run()
    {
        foreach (Node node in _graph.Nodes.ToArray())
        {
            if (!TryRewrite(node))
            {
                _nodes.Add(node);
            }
        }

        _graph.Nodes.Clear();
        _graph.Nodes.AddRange(_nodes);
        EliminateDeadNodes.Apply(_graph);
    }

    private bool TryRewrite(Node node)
    {
        if (node is { Domain: "", OperatorType: "DynamicQuantizeLinear" })
        {
            return TryQuantize(node);
        }

        if (node.Outputs.Length != 1 || node.Inputs.Length == 0 || node.Inputs[0] is not { } input)
        {
            return false;
        }

        bool isImage = input.Type!.Value.Shape.Rank == 4 && input.Type.Value.ElementType == ElementType.Float32;
        bool isInBytes = input.Type.Value.Shape.Rank == 4 && input.Type.Value.ElementType is ElementType.UInt8 or ElementType.Int8;
        switch (node.Domain, node.OperatorType)
        {
            case ("", "Conv") when isImage:
                Emit(node, "Conv", OperatorSets.InternalDomain, [Last(node, input), .. node.Inputs[1..]], node.Attributes);
                return true;
            case (OperatorSets.InternalDomain, QuantizedProduct.Name) when isInBytes && node.Fusion is QuantizedProductFusion { IsConvolution: true, IsChannelsLast: false } fusion:
                Emit(node, node.OperatorType, node.Domain, [Last(node, input), .. node.Inputs[1..]], node.Attributes, fusion: fusion with { IsChannelsLast = true });
                return true;
            case ("", "QuantizeLinear" or "DequantizeLinear") when _last.ContainsKey(input) && node.Inputs[1]!.Type!.Value.Shape.ElementCount == 1:
                Emit(node, node.OperatorType, "", [_last[input], .. node.Inputs[1..]], node.Attributes, node.OperatorSet);
                return true;
            case (OperatorSets.InternalDomain, FusedGroupNormalization.Name) when isImage && node.Fusion is GroupNormalizationFusion { IsChannelsLast: false } fusion:
                Emit(node, node.OperatorType, node.Domain, [Last(node, input), node.Inputs[1], node.Inputs[2]], node.Attributes, fusion: fusion with { IsChannelsLast = true });
                return true;
            case (OperatorSets.InternalDomain, FusedActivation.Name or Observe.Name) when _last.ContainsKey(input):
            case ("", _) when s_unary.Contains(node.OperatorType) && _last.ContainsKey(input):
                Emit(node, node.OperatorType, node.Domain, [_last[input], .. node.Inputs[1..]], node.Attributes, node.OperatorSet);
                return true;
            case ("", _) when s_binary.Contains(node.OperatorType) && node.OperatorSet >= 7:
                return TryBinary(node);
            case ("", "Concat") when (isImage || isInBytes) && node.Attributes.Int("axis", 1) is 1 or -3:
                if (!node.Inputs.All(value => value is not null && _last.ContainsKey(value)))
                {
                    return false;
                }

                Emit(node, "Concat", "", [.. node.Inputs.Select(value => _last[value!])], new Attributes(new Dictionary<string, object> { ["axis"] = 3L }));
                return true;
            case ("", "BatchNormalization") when isImage && _last.ContainsKey(input) && node.OperatorSet >= 9 && node.Inputs.All(value => value?.Type?.ElementType == ElementType.Float32):
                Emit(node, node.OperatorType, OperatorSets.InternalDomain, [_last[input], .. node.Inputs[1..]], node.Attributes);
                return true;
            case (OperatorSets.InternalDomain, QuantizedSum.Name) when isInBytes && _last.ContainsKey(input) && _last.ContainsKey(node.Inputs[3]!):
                Emit(node, node.OperatorType, node.Domain, [_last[input], .. node.Inputs[1..3], _last[node.Inputs[3]!], .. node.Inputs[4..]], node.Attributes);
                return true;
            case ("", "MaxPool" or "AveragePool") when (isImage || (isInBytes && node.OperatorType == "MaxPool")) && _last.ContainsKey(input):
                Emit(node, node.OperatorType, OperatorSets.InternalDomain, [_last[input]], node.Attributes);
                return true;
            case ("", "GlobalAveragePool" or "GlobalMaxPool") when isImage && _last.ContainsKey(input):
                Reduce(node, node.OperatorType == "GlobalMaxPool" ? "ReduceMax" : "ReduceMean", input, keepsDimensions: true);
                return true;
            case ("", "ReduceMax" or "ReduceMean" or "ReduceMin" or "ReduceSum") when isImage && _last.ContainsKey(input) && ReducesSpace(node):
                Reduce(node, node.OperatorType, input, node.Attributes.Int("keepdims", 1) != 0);
                return true;
            case ("", "Pad") when isImage && _last.ContainsKey(input):
                return TryPad(node, input);
            case ("", "Resize") when (isImage || (isInBytes && node.Attributes.String("mode", "nearest") == "nearest")) && _last.ContainsKey(input) && node.OperatorSet >= 11:
                return TryResize(node, input);
            case ("", "Transpose"):
                return TryTranspose(node, input);
            case ("", "Reshape"):
                return TryReshape(node, input);
            default:
                return false;
        }
    }

    // Makes the channels-last result, and the channels-first one for whoever still wants it.
    private void Emit(Node node, string operatorType, string domain, IReadOnlyList<Value?> inputs, Attributes attributes, int? operatorSet = null, NodeFusion? fusion = null)
    {
        Value output = node.Outputs[0]!;
        Value last = new($"{output.Name}/channels-last");
        Node made = new(operatorType, domain, operatorSet ?? (domain.Length == 0 ? node.OperatorSet : OperatorSets.Newest), node.Name, inputs, [last], new Attributes(attributes.All)) { Fusion = fusion ?? node.Fusion };
        OperatorRegistry.Get(made).Infer(new InferenceContext(made));
        _nodes.Add(made);
        Finish(node, last);
    }

    // Its scale and zero point are those of all elements, whatever their order.
    private bool TryQuantize(Node node)
    {
        if (node.Inputs[0] is not { } input || !_last.TryGetValue(input, out Value? image) || node.Outputs[0] is not { } output)
        {
            return false;
        }

        Value last = new($"{output.Name}/channels-last");
        Node made = new(node.OperatorType, "", node.OperatorSet, node.Name, [image], [last, .. node.Outputs[1..]], node.Attributes);
        OperatorRegistry.Get(made).Infer(new InferenceContext(made));
        _nodes.Add(made);
        Finish(node, last);
        return true;
    }

    private void Finish(Node node, Value last)
    {
        Value output = node.Outputs[0]!;
        _last[output] = last;
        TensorType? type = output.Type;
        _nodes.Add(GraphEditor.Make(node, "Transpose", "", [last], output, [("perm", s_toFirst)]));
        if (output.Type != type)
        {
            throw new InvalidOperationException($"The channels-last form of {node} has another type: {output.Type} instead of {type}.");
        }
    }

    // The channels-last form of an image, transposed here if it does not exist yet.
    private Value Last(Node node, Value image)
    {
        if (!_last.TryGetValue(image, out Value? last))
        {
            last = new Value($"{image.Name}/channels-last");
            _nodes.Add(GraphEditor.Make(node, "Transpose", "", [image], last, [("perm", s_toLast)]));
            _last.Add(image, last);
        }

        return last;
    }

    private bool TryBinary(Node node)
    {
        Shape output = node.Outputs[0]!.Type!.Value.Shape;
        if (output.Rank != 4 || node.Inputs.Contains(null) || !node.Inputs.Any(value => _last.ContainsKey(value!) && value!.Type!.Value.Shape == output) || !node.Inputs.All(value => CanFollow(value!)))
        {
            return false;
        }

        Emit(node, node.OperatorType, "", [.. node.Inputs.Select(value => Follow(node, value!))], node.Attributes);
        return true;
    }

    // Another operand is easy to have channels-last if it is there already, is a scalar, or holds at most one number for each image and channel.
    private bool CanFollow(Value value)
    {
        Shape shape = value.Type!.Value.Shape;
        return _last.ContainsKey(value) || shape.ElementCount == 1 || (shape.Rank is 3 or 4 && shape[^1] == 1 && shape[^2] == 1) || (shape.Rank == 4 && value.Constant is null);
    }

    private Value Follow(Node node, Value value)
    {
        Shape shape = value.Type!.Value.Shape;
        if (_last.TryGetValue(value, out Value? last) || shape.ElementCount == 1)
        {
            return last ?? value;
        }

        if (shape[^1] != 1 || shape[^2] != 1)
        {
            return Last(node, value);
        }

        Shape vector = shape.Rank == 4 ? new Shape(shape[0], 1, 1, shape[1]) : new Shape(1, 1, shape[0]);
        if (value.Constant is { } constant)
        {
            Constant reshaped = constant.WithShape(vector);
            return new Value($"{value.Name}/channels-last") { Type = reshaped.Type, Constant = reshaped };
        }

        return AddReshape(node, value, vector);
    }

    // Over height and width, which axes of either sign and in any order can say.
    private static bool ReducesSpace(Node node)
    {
        long[] axes = (node.Inputs.Length < 2 || node.Inputs[1] is not { } given ? node.Attributes.Ints("axes") : GraphEditor.Integers(given)) ?? [];
        return axes.Length == 2 && (axes[0] + 4) % 4 is 2 or 3 && (axes[1] + 4) % 4 == 5 - (axes[0] + 4) % 4;
    }

    private void Reduce(Node node, string operatorType, Value input, bool keepsDimensions)
    {
        Value axes = GraphEditor.ShapeConstant(new Shape(1, 2));
        if (keepsDimensions)
        {
            Emit(node, operatorType, "", [_last[input], axes], new Attributes(), OperatorSets.Newest);
        }
        else
        {
            // What is left, [N,C], has no layout.
            _nodes.Add(GraphEditor.Make(node, operatorType, "", [_last[input], axes], node.Outputs[0]!, [("keepdims", 0L)]));
        }
    }

    private bool TryPad(Node node, Value input)
    {
        // Given for each dimension: other axes than all are rare.
        bool isAttribute = node.OperatorSet < 11;
        if ((isAttribute ? node.Attributes.Ints("pads") : GraphEditor.Integers(node.Inputs[1])) is not { Length: 8 } pads || (node.Inputs.Length > 3 && node.Inputs[3] is not null))
        {
            return false;
        }

        long[] permuted = new long[8];
        for (int i = 0; i < 4; i++)
        {
            permuted[i] = pads[s_toLast[i]];
            permuted[i + 4] = pads[s_toLast[i] + 4];
        }

        if (isAttribute)
        {
            Emit(node, "Pad", "", [_last[input]], With(node.Attributes, "pads", permuted));
        }
        else
        {
            Constant constant = Constant.FromData(node.Inputs[1]!.Type!.Value, MemoryMarshal.AsBytes<long>(permuted).ToArray());
            Value moved = new($"{node.Inputs[1]!.Name}/channels-last") { Type = constant.Type, Constant = constant };
            Emit(node, "Pad", "", [_last[input], moved, .. node.Inputs[2..]], node.Attributes);
        }

        return true;
    }

    private bool TryResize(Node node, Value input)
    {
        List<Value?> inputs = [_last[input], .. node.Inputs[1..]];
        for (int i = 2; i < inputs.Count; i++)
        {
            if (inputs[i] is not { } numbers || numbers.Type!.Value.Shape.ElementCount == 0)
            {
                continue;
            }

            if (numbers.Constant?.Data is not { } data || numbers.Type.Value.Shape.ElementCount != 4 || node.Attributes.Has("axes"))
            {
                return false;
            }

            int size = data.Length / 4;
            byte[] permuted = new byte[data.Length];
            for (int k = 0; k < 4; k++)
            {
                data.AsSpan((int)s_toLast[k] * size, size).CopyTo(permuted.AsSpan(k * size));
            }

            Constant constant = Constant.FromData(numbers.Type.Value, permuted);
            inputs[i] = new Value($"{numbers.Name}/channels-last") { Type = constant.Type, Constant = constant };
        }

        // The region of interest has other dimensions; only crop-and-resize reads it.
        if (node.Attributes.String("coordinate_transformation_mode", "half_pixel") == "tf_crop_and_resize")
        {
            return false;
        }

        Emit(node, "Resize", "", inputs, node.Attributes);
        return true;
    }

    private bool TryTranspose(Node node, Value input)
    {
        long[]? permutation = node.Attributes.Ints("perm");
        Value output = node.Outputs[0]!;
        if (permutation is not null && permutation.AsSpan().SequenceEqual(s_toFirst))
        {
            // Whoever needs this image channels-last finds it here.
            _last.TryAdd(output, input);
            return false;
        }

        if (permutation is not null && permutation.AsSpan().SequenceEqual(s_toLast) && _last.TryGetValue(input, out Value? last))
        {
            _nodes.Add(GraphEditor.Make(node, "Reshape", "", [last, GraphEditor.ShapeConstant(output.Type!.Value.Shape)], output, []));
            return true;
        }

        // [N,C,H,W] seen as [N,C,HW], then turned into tokens [N,HW,C].
        if (permutation is [0, 2, 1] && input.Producer is { Domain: "", OperatorType: "Reshape" } reshape && _last.TryGetValue(reshape.Inputs[0]!, out last) &&
            reshape.Inputs[0]!.Type!.Value.Shape is var image && input.Type!.Value.Shape == new Shape(image[0], image[1], image[2] * image[3]))
        {
            _nodes.Add(GraphEditor.Make(node, "Reshape", "", [last, GraphEditor.ShapeConstant(output.Type!.Value.Shape)], output, []));
            return true;
        }

        return false;
    }

    // Tokens [N,HW,C] turned into [N,C,HW], then seen as an image.
    private bool TryReshape(Node node, Value input)
    {
        Shape output = node.Outputs[0]!.Type!.Value.Shape;
        if (output.Rank != 4 || input.Type!.Value.ElementType != ElementType.Float32 ||
            input.Producer is not { Domain: "", OperatorType: "Transpose" } transpose || transpose.Attributes.Ints("perm") is not [0, 2, 1] ||
            input.Type.Value.Shape != new Shape(output[0], output[1], output[2] * output[3]))
        {
            return false;
        }

        Finish(node, AddReshape(node, transpose.Inputs[0]!, new Shape(output[0], output[2], output[3], output[1])));
        return true;
    }

    private Value AddReshape(Node node, Value value, Shape shape)
    {
        Value reshaped = new($"{value.Name}/{node.Outputs[0]!.Name}");
        _nodes.Add(GraphEditor.Make(node, "Reshape", "", [value, GraphEditor.ShapeConstant(shape)], reshaped, []));
        return reshaped;
    }

    private static Attributes With(Attributes attributes, string name, object value) => new(new Dictionary<string, object>(attributes.All) { [name] = value });
}
