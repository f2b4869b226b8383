namespace OnnxStream.Interop.Benchmarks.Sd15;

/// <summary>The layers of which the networks are made, each in the nodes that PyTorch's exporter (opset 14) and a simplifier leave of it.</summary>
/// <param name="graph">Where nodes go.</param>
/// <param name="scope">The names of the modules around the layers, each with a slash before it.</param>
internal sealed class Layers(GraphBuilder graph, string scope)
{
    private static readonly float s_sqrt2 = MathF.Sqrt(2);

    /// <summary>The layers inside of a module.</summary>
    public Layers this[string module] => new(graph, $"{scope}/{module}");

    // The names of weights have dots where those of nodes have slashes.
    private string Prefix => scope.Length == 0 ? "" : $"{scope[1..].Replace('/', '.')}.";

    /// <summary>A node of one input whose output has the same shape.</summary>
    public GraphValue Unary(string operatorType, GraphValue x) => graph.Node(scope, operatorType, [x], x.Shape);

    /// <summary>A node of two inputs which are stretched to each other's shapes.</summary>
    public GraphValue Binary(string operatorType, GraphValue a, GraphValue b)
    {
        long[] shape = new long[Math.Max(a.Shape.Count, b.Shape.Count)];
        for (int i = 1; i <= shape.Length; i++)
        {
            shape[^i] = Math.Max(i <= a.Shape.Count ? a.Shape[^i] : 1, i <= b.Shape.Count ? b.Shape[^i] : 1);
        }

        return graph.Node(scope, operatorType, [a, b], shape);
    }

    public GraphValue Add(GraphValue a, GraphValue b) => Binary("Add", a, b);

    public GraphValue Mul(GraphValue a, GraphValue b) => Binary("Mul", a, b);

    /// <summary>A constant number.</summary>
    public GraphValue Scalar(float value) => graph.Numbers([value]);

    /// <summary>The same in the type of weights; nothing is added where it is that already.</summary>
    public GraphValue ToWeightType(GraphValue x) => x.Type == graph.Type ? x : graph.Node(scope, "Cast", [x], x.Shape, ("to", (int)graph.Type));

    public GraphValue Reshape(GraphValue x, params long[] shape) =>
        graph.Node(scope, "Reshape", [x, graph.Constant<long>(shape, shape.Length)], shape, ("allowzero", 0));

    public GraphValue Transpose(GraphValue x, params int[] order) =>
        graph.Node(scope, "Transpose", [x], [.. order.Select(axis => x.Shape[axis])], ("perm", order));

    public GraphValue MatMul(GraphValue a, GraphValue b) => graph.Node(scope, "MatMul", [a, b], [.. a.Shape.SkipLast(1), b.Shape[^1]]);

    public GraphValue Softmax(GraphValue x, int axis) => graph.Node(scope, "Softmax", [x], x.Shape, ("axis", axis));

    public GraphValue Concat(int axis, GraphValue a, GraphValue b)
    {
        long[] shape = [.. a.Shape];
        shape[axis < 0 ? shape.Length + axis : axis] += b.Shape[axis < 0 ? shape.Length + axis : axis];
        return graph.Node(scope, "Concat", [a, b], shape, ("axis", axis));
    }

    /// <summary>New dimensions of 1 at these places.</summary>
    public GraphValue Unsqueeze(GraphValue x, params long[] axes)
    {
        List<long> shape = [.. x.Shape];
        foreach (long axis in axes)
        {
            shape.Insert((int)axis, 1);
        }

        return graph.Node(scope, "Unsqueeze", [x, graph.Constant<long>(axes, axes.Length)], shape);
    }

    /// <summary>A part of the second dimension of a matrix; <paramref name="end"/> may lie beyond it.</summary>
    public GraphValue SliceColumns(GraphValue x, long start, long end)
    {
        GraphValue one = graph.Constant<long>([1], 1);
        return graph.Node(scope, "Slice", [x, graph.Constant<long>([start], 1), graph.Constant<long>([end], 1), one, one], [x.Shape[0], Math.Min(end, x.Shape[1]) - start]);
    }

    /// <summary>x times its sigmoid.</summary>
    public GraphValue Silu(GraphValue x) => Mul(x, Unary("Sigmoid", x));

    /// <summary>A linear layer on the last dimension: the weight was transposed when it was exported.</summary>
    public GraphValue Linear(string name, GraphValue x, long outputs, bool hasBias = true, bool isResidual = false)
    {
        Layers layer = this[name];
        GraphValue weight = graph.Weight($"{layer.Prefix}weight", Distribution.Product(x.Shape[^1], isResidual), x.Shape[^1], outputs);
        GraphValue product = layer.MatMul(x, weight);
        return hasBias ? layer.Add(graph.Weight($"{layer.Prefix}bias", Distribution.Bias, outputs), product) : product;
    }

    /// <summary>A linear layer on a matrix.</summary>
    public GraphValue Gemm(string name, GraphValue x, long outputs)
    {
        Layers layer = this[name];
        GraphValue weight = graph.Weight($"{layer.Prefix}weight", Distribution.Product(x.Shape[1]), outputs, x.Shape[1]);
        GraphValue bias = graph.Weight($"{layer.Prefix}bias", Distribution.Bias, outputs);
        return graph.Node(layer.Scope, "Gemm", [x, weight, bias], [x.Shape[0], outputs], ("alpha", 1f), ("beta", 1f), ("transB", 1));
    }

    /// <summary>A convolution with a square kernel that keeps the image's size, or halves it with a stride of 2.</summary>
    public GraphValue Conv(string name, GraphValue x, long outputs, int kernel, int stride = 1, bool isResidual = false)
    {
        Layers layer = this[name];
        long inputs = x.Shape[1];
        int padding = kernel / 2;
        GraphValue weight = graph.Weight($"{layer.Prefix}weight", Distribution.Product(inputs * kernel * kernel, isResidual), outputs, inputs, kernel, kernel);
        GraphValue bias = graph.Weight($"{layer.Prefix}bias", Distribution.Bias, outputs);
        return graph.Node(
            layer.Scope,
            "Conv",
            [x, weight, bias],
            [x.Shape[0], outputs, x.Shape[2] / stride, x.Shape[3] / stride],
            ("dilations", new[] { 1, 1 }),
            ("group", 1),
            ("kernel_shape", new[] { kernel, kernel }),
            ("pads", new[] { padding, padding, padding, padding }),
            ("strides", new[] { stride, stride }));
    }

    /// <summary>Twice the height and width by repetition, then a 3x3 convolution.</summary>
    public GraphValue Upsample(GraphValue x)
    {
        GraphValue enlarged = graph.Node(
            scope,
            "Resize",
            [x, GraphValue.None, graph.Constant<float>([1, 1, 2, 2], 4)],
            [x.Shape[0], x.Shape[1], 2 * x.Shape[2], 2 * x.Shape[3]],
            ("coordinate_transformation_mode", "asymmetric"),
            ("cubic_coeff_a", -0.75f),
            ("mode", "nearest"),
            ("nearest_mode", "floor"));
        return Conv("conv", enlarged, x.Shape[1], 3);
    }

    /// <summary>Layer normalization of the last dimension.</summary>
    public GraphValue LayerNorm(string name, GraphValue x)
    {
        Layers layer = this[name];
        GraphValue centred = layer.Binary("Sub", x, layer.Mean(x));
        GraphValue variance = layer.Mean(layer.Binary("Pow", centred, Scalar(2)));
        GraphValue deviation = layer.Unary("Sqrt", layer.Add(variance, Scalar(1e-5f)));
        GraphValue normalized = layer.Binary("Div", centred, deviation);
        GraphValue scaled = layer.Mul(normalized, graph.Weight($"{layer.Prefix}weight", Distribution.Gamma, x.Shape[^1]));
        return layer.Add(scaled, graph.Weight($"{layer.Prefix}bias", Distribution.Beta, x.Shape[^1]));
    }

    /// <summary>Group normalization of an image: ONNX had no operator for it, so the groups are normalized as if they were channels.</summary>
    public GraphValue GroupNorm(string name, GraphValue x, int groups, float epsilon)
    {
        Layers layer = this[name];
        long channels = x.Shape[1];
        float[] ones = new float[groups];
        Array.Fill(ones, 1);
        GraphValue grouped = layer.Reshape(x, 1, groups, channels / groups * x.Shape[2] * x.Shape[3]);
        GraphValue normalized = graph.Node(
            layer.Scope, "InstanceNormalization", [grouped, graph.Numbers(ones, groups), graph.Numbers(new float[groups], groups)], grouped.Shape, ("epsilon", epsilon));
        GraphValue image = layer.Reshape(normalized, [.. x.Shape]);
        GraphValue scaled = layer.Mul(image, graph.Weight($"{layer.Prefix}weight", Distribution.Gamma, channels, 1, 1));
        return layer.Add(scaled, graph.Weight($"{layer.Prefix}bias", Distribution.Beta, channels, 1, 1));
    }

    /// <summary>Two convolutions, each behind a normalization, and a way around them.</summary>
    /// <param name="x">The image.</param>
    /// <param name="channels">The number of channels that the image gets.</param>
    /// <param name="groups">The groups of the normalizations.</param>
    /// <param name="epsilon">What the normalizations add to a variance.</param>
    /// <param name="time">Makes the activated embedding of the time step, which is added between the convolutions; null where there is none.</param>
    public GraphValue ResnetBlock(GraphValue x, long channels, int groups, float epsilon, Func<Layers, GraphValue>? time = null)
    {
        GraphValue h = Conv("conv1", Silu(GroupNorm("norm1", x, groups, epsilon)), channels, 3);
        if (time is not null)
        {
            h = Add(h, Unsqueeze(Gemm("time_emb_proj", time(this), channels), 2, 3));
        }

        h = Conv("conv2", Silu(GroupNorm("norm2", h, groups, epsilon)), channels, 3, isResidual: true);
        GraphValue around = x.Shape[1] == channels ? x : Conv("conv_shortcut", x, channels, 1);
        return Add(around, h);
    }

    /// <summary>Attention of tokens to those of a context, with several heads.</summary>
    public GraphValue CrossAttention(GraphValue x, GraphValue context, int heads)
    {
        long width = x.Shape[2];
        GraphValue q = SplitHeads(Linear("to_q", x, width, hasBias: false), heads);
        GraphValue k = SplitHeads(Linear("to_k", context, width, hasBias: false), heads);
        GraphValue v = SplitHeads(Linear("to_v", context, width, hasBias: false), heads);
        return Linear("to_out", Attend(q, k, v), width, isResidual: true);
    }

    /// <summary>Attention of queries to keys and values, each [heads, tokens, width of a head]; the result is [1, tokens, width of all heads].</summary>
    public GraphValue Attend(GraphValue q, GraphValue k, GraphValue v)
    {
        (long heads, long tokens, long width) = (q.Shape[0], q.Shape[1], q.Shape[2]);
        GraphValue scores = Mul(MatMul(q, Transpose(k, 0, 2, 1)), Scalar(1 / MathF.Sqrt(width)));
        GraphValue result = MatMul(Softmax(scores, -1), v);
        return Reshape(Transpose(Reshape(result, 1, heads, tokens, width), 0, 2, 1, 3), 1, tokens, heads * width);
    }

    /// <summary>[1, tokens, width] as [heads, tokens, width of a head].</summary>
    public GraphValue SplitHeads(GraphValue x, int heads)
    {
        long tokens = x.Shape[1];
        long width = x.Shape[2] / heads;
        return Reshape(Transpose(Reshape(x, 1, tokens, heads, width), 0, 2, 1, 3), heads, tokens, width);
    }

    /// <summary>A linear layer to twice the width, of which one half, through GELU, gates the other.</summary>
    public GraphValue Geglu(GraphValue x, long width) => Gate(Linear("proj", x, 2 * width));

    /// <summary>The first half of the last dimension times GELU of the second.</summary>
    public GraphValue Gate(GraphValue both)
    {
        long width = both.Shape[^1] / 2;
        long[] half = [.. both.Shape.SkipLast(1), width];
        IReadOnlyList<GraphValue> halves = graph.Node(scope, "Split", [both, graph.Constant<long>([width, width], 2)], [half, half], ("axis", -1));
        GraphValue error = Add(Unary("Erf", Binary("Div", halves[1], Scalar(s_sqrt2))), Scalar(1));
        return Mul(halves[0], Mul(Mul(halves[1], error), Scalar(0.5f)));
    }

    private string Scope => scope;

    private GraphValue Mean(GraphValue x) => graph.Node(scope, "ReduceMean", [x], [.. x.Shape.SkipLast(1), 1], ("axes", new[] { -1 }));
}
