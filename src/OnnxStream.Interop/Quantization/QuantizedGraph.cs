using OnnxStream.Interop.Graphs;
using OnnxStream.Interop.Tensors;
using OnnxStream.Interop.Weights;

namespace OnnxStream.Interop.Quantization;

/// <summary>Makes the graph of a quantized model, as ONNX Runtime takes it: quantized tensors followed by DequantizeLinear (QDQ), and MatMulNBits.</summary>
/// <remarks>
/// <code>
/// DequantizeLinear(QuantizeLinear(x)), DequantizeLinear(weight of 8 bits) [, DequantizeLinear(bias of 32 bits)] -> Conv, MatMul or Gemm [-> Relu or Clip] [-> QuantizeLinear -> DequantizeLinear]
/// </code>
/// New weights lie nowhere (<see cref="RoundedSource"/>).
/// </remarks>
internal sealed class QuantizedGraph
{
    // The first operator set in which a scale may be one of each channel.
    private const int FirstWithChannels = 13;

    // Scales of biases are not smaller.
    private const float LeastBiasScale = 1e-30f;

    private readonly Dictionary<Node, (LayerGroup Group, LayerFormat Format)> _layers = [];
    private readonly Dictionary<Value, Value> _originals = [];
    private readonly HashSet<string> _names;
    private readonly RangeTable? _ranges;
    private readonly bool _quantizesOutputs;
    private readonly QuantizationWork _work;
    private readonly BlockBands _bands = new();
    private readonly string _domain;
    private readonly int _operatorSet;

    private QuantizedGraph(ModelContent model, GraphCopy copy, IReadOnlyList<LayerGroup> groups, IReadOnlyList<LayerFormat> formats, RangeTable? ranges, bool quantizesOutputs, QuantizationWork work)
    {
        _ranges = ranges;
        _quantizesOutputs = quantizesOutputs;
        _work = work;
        long operatorSet = model.OperatorSets.GetValueOrDefault("", OperatorSets.Newest);
        (_domain, _operatorSet) = operatorSet >= FirstWithChannels ? ("", (int)operatorSet) : (OperatorSets.MicrosoftDomain, 1);
        foreach ((Value original, Value value) in copy.Values)
        {
            _originals.Add(value, original);
        }

        _names = [.. copy.Values.Keys.Select(value => value.Name)];
        for (int i = 0; i < groups.Count; i++)
        {
            foreach (WeightedLayer layer in groups[i].Layers.Where(_ => formats[i] != LayerFormat.Float))
            {
                _layers.Add(copy.Nodes[layer.Node], (groups[i], formats[i]));
            }
        }
    }

    /// <summary>Makes the graph.</summary>
    /// <param name="model">The model.</param>
    /// <param name="groups">Its layers.</param>
    /// <param name="formats">What becomes of each group.</param>
    /// <param name="ranges">The ranges of activations; null where none are quantized.</param>
    /// <param name="quantizesOutputs">Whether results of convolutions are quantized, too.</param>
    /// <param name="work">Is asked whether to go on, where bytes of weights are computed.</param>
    public static ModelContent Make(ModelContent model, IReadOnlyList<LayerGroup> groups, IReadOnlyList<LayerFormat> formats, RangeTable? ranges, bool quantizesOutputs, QuantizationWork work)
    {
        GraphCopy copy = GraphCopy.Of(model.Graph);
        QuantizedGraph graph = new(model, copy, groups, formats, ranges, quantizesOutputs, work);
        graph.Rewrite(copy.Graph);
        Dictionary<string, long> operatorSets = new(model.OperatorSets);
        if (copy.Graph.AllNodes().Any(node => node.Domain == OperatorSets.MicrosoftDomain))
        {
            operatorSets.TryAdd(OperatorSets.MicrosoftDomain, 1);
        }

        return model with { OperatorSets = operatorSets, Graph = copy.Graph };
    }

    private void Rewrite(Graph graph)
    {
        HashSet<Value> results = FindResults(graph);
        HashSet<Node> enlarging = FindEnlarging(graph);
        Part part = new();
        foreach (Node node in graph.Nodes)
        {
            Value?[] given = [.. node.Inputs];
            for (int i = 0; i < node.Inputs.Length; i++)
            {
                if (node.Inputs[i] is { } input && part.Results.TryGetValue(input, out Value? result))
                {
                    node.Inputs[i] = result;
                }
            }

            foreach (Graph inner in node.Graphs())
            {
                Rewrite(inner);
            }

            if (enlarging.Contains(node) && ReferenceEquals(node.Inputs[0], given[0]))
            {
                node.Inputs[0] = Data(part, given[0]!);
            }

            if (_layers.TryGetValue(node, out (LayerGroup Group, LayerFormat Format) layer))
            {
                Quantize(part, node, given, layer.Group, layer.Format);
            }
            else
            {
                part.Nodes.Add(node);
            }

            foreach (Value output in node.Outputs.OfType<Value>().Where(results.Contains))
            {
                part.Results.Add(output, Rounded(part, output));
            }
        }

        graph.Nodes.Clear();
        graph.Nodes.AddRange(part.Nodes);
    }

    // The results of convolutions that are quantized: where an activation follows that only cuts off, what it makes.
    private HashSet<Value> FindResults(Graph graph)
    {
        HashSet<Value> results = [];
        if (!_quantizesOutputs)
        {
            return results;
        }

        Dictionary<Value, List<Node>> consumers = graph.Consumers();
        foreach (Node node in graph.Nodes.Where(node => node.OperatorType == "Conv" && _layers.TryGetValue(node, out (LayerGroup, LayerFormat Format) layer) && layer.Format == LayerFormat.Weight8Data8))
        {
            if (LayerResults.Of(graph, consumers, node) is { } value && RangeOf(value) is not null)
            {
                results.Add(value);
            }
        }

        return results;
    }

    // Nodes that enlarge images for quantized layers alone: what they are given is rounded already, so that they move bytes. Rounding again changes nothing.
    private HashSet<Node> FindEnlarging(Graph graph)
    {
        Dictionary<Value, List<Node>> consumers = graph.Consumers();
        return [.. graph.Nodes.Where(node => ValueRanges.RepeatsElements(node) && node.Outputs[0] is { } output && !graph.Outputs.Contains(output) && RangeOf(node.Inputs[0]!) is not null &&
            consumers.GetValueOrDefault(output, []).TrueForAll(consumer => _layers.TryGetValue(consumer, out (LayerGroup, LayerFormat Format) layer) && layer.Format == LayerFormat.Weight8Data8))];
    }

    private void Quantize(Part part, Node node, Value?[] given, LayerGroup group, LayerFormat format)
    {
        int weightInput = group.Layers[0].WeightInput;
        if (format == LayerFormat.Weight4)
        {
            AddBlocks(part, node, group);
            return;
        }

        node.Inputs[weightInput] = Weight(part, group);
        if (format == LayerFormat.Weight8Data8)
        {
            Value data = given[0]!;
            AffineScale scale = AffineScale.Of(RangeOf(data)!.Minimum, RangeOf(data)!.Maximum);
            if (ReferenceEquals(node.Inputs[0], data))
            {
                node.Inputs[0] = Data(part, data);
            }

            if (node.Inputs.Length > 2 && node.Inputs[2] is { IsOptionalInput: false, Constant: { Quantization: null, Type.ElementType: ElementType.Float32 } } bias)
            {
                node.Inputs[2] = Bias(part, bias, group, scale.Scale);
            }
        }

        part.Nodes.Add(node);
    }

    private Value Weight(Part part, LayerGroup group)
    {
        if (part.Weights.TryGetValue(group, out Value? known))
        {
            return known;
        }

        string name = group.Weight.Name;
        Shape shape = group.Numbers.Shape;
        ChannelSource source = new(name, group.Numbers, group.Layout, group.Scales!, _work);
        Value integers = NewConstant($"{name}_quantized", Constant.FromLocation(new TensorType(ElementType.Int8, shape), ElementType.Int8, new WeightRange(name, source, 0, source.Length)));
        Value scales = NewConstant($"{name}_scale", Constant.Of<float>(new Shape(group.Scales!.Length), group.Scales));
        Value zeros = NewConstant($"{name}_zero_point", Constant.Of<sbyte>(new Shape(group.Scales.Length), new sbyte[group.Scales.Length]));
        Value weight = Add(part, "DequantizeLinear", [integers, scales, zeros], NewName($"{name}_dequantized"), ("axis", (long)group.Axis));
        part.Weights.Add(group, weight);
        return weight;
    }

    // Sums of products have the scale of the data times that of the weight: a bias that has it, too, is added before they are scaled.
    private Value Bias(Part part, Value bias, LayerGroup group, float dataScale)
    {
        Shape shape = bias.Constant!.Type.Shape;
        if (shape.ElementCount != group.Scales!.Length || shape.Rank is not (1 or 2) || shape[^1] != shape.ElementCount)
        {
            return bias;
        }

        float[] numbers = new float[group.Scales.Length];
        new FloatWeight(bias.Constant).Read(0, numbers);
        float[] scales = Array.ConvertAll(group.Scales, scale => MathF.Max(scale * dataScale, LeastBiasScale));
        int[] integers = new int[numbers.Length];
        for (int i = 0; i < numbers.Length; i++)
        {
            double integer = Math.Round((double)numbers[i] / scales[i]);
            if (!(Math.Abs(integer) < int.MaxValue))
            {
                // Far larger than all that it is added to: it stays what it is.
                return bias;
            }

            integers[i] = (int)integer;
        }

        return Add(part, "DequantizeLinear",
        [
            NewConstant($"{bias.Name}_quantized", Constant.Of<int>(shape, integers)),
            NewConstant($"{bias.Name}_scale", Constant.Of<float>(new Shape(scales.Length), scales)),
            NewConstant($"{bias.Name}_zero_point", Constant.Of<int>(new Shape(scales.Length), new int[scales.Length])),
        ], NewName($"{bias.Name}_dequantized"), ("axis", (long)shape.Rank - 1));
    }

    // What quantized layers see of a value.
    private Value Data(Part part, Value value)
    {
        if (!part.Data.TryGetValue(value, out Value? rounded))
        {
            rounded = Rounded(part, value);
            part.Data.Add(value, rounded);
        }

        return rounded;
    }

    // A value that has been rounded to 8 bits and back.
    private Value Rounded(Part part, Value value)
    {
        ValueRange range = RangeOf(value)!;
        AffineScale scale = AffineScale.Of(range.Minimum, range.Maximum);
        Value number = NewConstant($"{value.Name}_scale", Constant.Of<float>(Shape.Scalar, scale.Scale));
        Value zero = NewConstant($"{value.Name}_zero_point", Constant.Of<byte>(Shape.Scalar, scale.ZeroPoint));
        Value integers = Add(part, "QuantizeLinear", [value, number, zero], NewName($"{value.Name}_quantized"));
        return Add(part, "DequantizeLinear", [integers, number, zero], NewName($"{value.Name}_dequantized"));
    }

    private void AddBlocks(Part part, Node node, LayerGroup group)
    {
        string name = group.Weight.Name;
        BlockedWeight blocks = group.Blocks!;
        if (!part.Blocks.TryGetValue(group, out (Value Integers, Value Scales) weight))
        {
            BlockIntegerSource integers = new(name, blocks, _bands, _work);
            BlockScaleSource scales = new(name, blocks, _bands, _work);
            weight = (
                NewConstant($"{name}_quantized", Constant.FromLocation(
                    new TensorType(ElementType.UInt8, new Shape(blocks.Channels, blocks.Blocks, BlockedWeight.BlockLength / 2)), ElementType.UInt8, new WeightRange(name, integers, 0, integers.Length))),
                NewConstant($"{name}_scale", Constant.FromLocation(
                    new TensorType(ElementType.Float32, new Shape(blocks.Channels, blocks.Blocks)), ElementType.Float32, new WeightRange($"{name}_scale", scales, 0, scales.Length))));
            part.Blocks.Add(group, weight);
        }

        Value output = node.Outputs[0]!;
        Value? bias = node.OperatorType == "Gemm" && node.Inputs.Length > 2 ? node.Inputs[2] : null;
        Value product = bias is null ? output : NewName($"{output.Name}_product");
        Attributes attributes = new(new Dictionary<string, object>
        {
            ["K"] = blocks.PerChannel,
            ["N"] = blocks.Channels,
            ["bits"] = 4L,
            ["block_size"] = (long)BlockedWeight.BlockLength,
        });
        part.Nodes.Add(new Node("MatMulNBits", OperatorSets.MicrosoftDomain, 1, node.Name, [node.Inputs[0], weight.Integers, weight.Scales], [product], attributes));
        if (bias is not null)
        {
            part.Nodes.Add(new Node("Add", "", node.OperatorSet, $"{node.Name}_bias", [product, bias], [output], new Attributes()));
        }
    }

    private ValueRange? RangeOf(Value value) => _originals.TryGetValue(value, out Value? original) ? ValueRanges.Find(_ranges, original) : null;

    private Value Add(Part part, string operatorType, Value?[] inputs, Value output, params ReadOnlySpan<(string Name, object Value)> attributes)
    {
        Dictionary<string, object> values = [];
        foreach ((string name, object value) in attributes)
        {
            values.Add(name, value);
        }

        part.Nodes.Add(new Node(operatorType, _domain, _operatorSet, $"{output.Name}_{operatorType}", inputs, [output], new Attributes(values)));
        return output;
    }

    private Value NewConstant(string name, Constant constant)
    {
        Value value = NewName(name);
        value.Type = constant.Type;
        value.Constant = constant;
        return value;
    }

    private Value NewName(string name)
    {
        string unique = name;
        for (int i = 2; !_names.Add(unique); i++)
        {
            unique = $"{name}_{i}";
        }

        return new Value(unique);
    }

    // What was made for one graph.
    private sealed class Part
    {
        public List<Node> Nodes { get; } = [];

        // Values that all of the graph sees rounded.
        public Dictionary<Value, Value> Results { get; } = [];

        // Values that only quantized layers see rounded.
        public Dictionary<Value, Value> Data { get; } = [];

        public Dictionary<LayerGroup, Value> Weights { get; } = [];

        public Dictionary<LayerGroup, (Value Integers, Value Scales)> Blocks { get; } = [];
    }
}
