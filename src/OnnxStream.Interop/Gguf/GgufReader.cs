using OnnxStream.Interop.Graphs;
using OnnxStream.Interop.Tensors;
using OnnxStream.Interop.Weights;

namespace OnnxStream.Interop.Gguf;

/// <summary>Builds the graph of the decoder whose weights a GGUF file holds.</summary>
/// <remarks>
/// Inputs are <c>input_ids</c> and <c>position_ids</c>, the keys and values of before, and, if the caller likes, <c>logit_rows</c>: which of the tokens scores are made for (the last
/// one unless something else is given). Outputs are <c>logits</c>, and keys and values with those of the new tokens. Weights stay where they are, in the bits of the file.
/// </remarks>
internal sealed class GgufReader
{
    // As for ONNX files: what is smaller is part of the graph.
    private const int MostKeptBytes = 1 << 10;

    private readonly GgufFile _file;
    private readonly DecoderFamily _family;
    private readonly DecoderSizes _sizes;
    private readonly GraphWriter _graph;
    private readonly HashSet<string> _used = [];

    private GgufReader(GgufFile file)
    {
        _file = file;
        _family = DecoderFamily.Of(file);
        _sizes = new DecoderSizes(file, _family);
        _graph = new GraphWriter { Graph = new Graph { Name = file.FindText("general.name") ?? _family.Name } };
    }

    /// <summary>Reads a model.</summary>
    /// <exception cref="ModelFormatException">It is damaged, or not a decoder of a family that is known.</exception>
    /// <exception cref="WeightsException">The file cannot be read.</exception>
    public static ModelContent Read(ModelEntry entry)
    {
        GgufReader reader = new(GgufFile.Read(entry.Source));
        reader.Build();
        return new ModelContent(entry.Id, "GGUF", new Dictionary<string, long> { [""] = GraphWriter.OperatorSet }, reader._graph.Graph);
    }

    private void Build()
    {
        Value ids = _graph.Input("input_ids", ElementType.Int64, new(-1, "batch_size"), new(-1, "sequence_length"));
        Value positions = _graph.Input("position_ids", ElementType.Int64, new(-1, "batch_size"), new(-1, "sequence_length"));
        Value rows = RowsInput();
        (Value Keys, Value Values)[] past = [.. Enumerable.Range(0, _sizes.Layers).Select(layer => (Cache($"past_key_values.{layer}.key", _sizes.HeadSize), Cache($"past_key_values.{layer}.value", _sizes.ValueSize)))];

        GgufTensor embedding = Tensor("token_embd.weight");
        long vocabulary = embedding.Shape.Rank == 2 ? embedding.Shape[0] : 0;
        Value tokens = Weight("token_embd.weight", vocabulary, _sizes.Hidden);
        Value x = _graph.Add("Gather", [tokens, ids], ("axis", 0L));
        if (_family.IsGemma)
        {
            x = _graph.Add("Mul", [x, _graph.Scalar(MathF.Sqrt(_sizes.Hidden))]);
        }

        RotaryFrequencies frequencies = RotaryFrequencies.Read(_file, _sizes, Factors);
        (Value Cosines, Value Sines) far = Angles(positions, frequencies);
        (Value Cosines, Value Sines) near = _family.NearFrequencyBase > 0 ? Angles(positions, RotaryFrequencies.Plain(_sizes, _family.NearFrequencyBase, frequencies.Factor)) : far;
        bool[] isNear = [.. Enumerable.Range(0, _sizes.Layers).Select(_sizes.IsNear)];
        (Value? full, Value? window) = Masks(ids, positions, past[0].Keys, isNear);
        for (int layer = 0; layer < _sizes.Layers; layer++)
        {
            _graph.Prefix = $"blk.{layer}.";
            Value attended = Attention(layer, Norm(x, $"blk.{layer}.attn_norm"), isNear[layer] ? near : far, isNear[layer] ? window! : full!, past[layer]);
            x = _graph.Add("Add", [x, _family.IsGemma ? Norm(attended, $"blk.{layer}.post_attention_norm") : attended]);
            Value mixed = FeedForward(layer, Norm(x, $"blk.{layer}.ffn_norm"));
            x = _graph.Add("Add", [x, _family.IsGemma ? Norm(mixed, $"blk.{layer}.post_ffw_norm") : mixed]);
        }

        _graph.Prefix = "";
        x = Norm(_graph.Add("Gather", [x, rows], ("axis", 1L)), "output_norm");
        bool isTied = _file.FindTensor("output.weight") is null;
        Value head = _graph.Add("Transpose", [isTied ? tokens : Weight("output.weight", vocabulary, _sizes.Hidden)], ("perm", new long[] { 1, 0 }));
        if (_sizes.ScoreLimit > 0)
        {
            Value limit = _graph.Scalar(_sizes.ScoreLimit);
            x = _graph.Add("Tanh", [_graph.Add("Div", [_graph.Add("MatMul", [x, head]), limit])]);
            head = limit;
        }

        Value logits = new("logits");
        _graph.Add(_sizes.ScoreLimit > 0 ? "Mul" : "MatMul", [x, head], [logits]);
        _graph.Output(logits, ElementType.Float32, new(-1, "batch_size"), new(-1, "rows"), new(vocabulary));
        for (int layer = 0; layer < _sizes.Layers; layer++)
        {
            Declare($"present.{layer}.key", _sizes.HeadSize);
            Declare($"present.{layer}.value", _sizes.ValueSize);
        }

        if (_file.Tensors.FirstOrDefault(tensor => !_used.Contains(tensor.Name)) is { } unknown)
        {
            throw _file.Error($"the tensor {unknown} is none that a model of the family '{_family.Name}' is known to have{(unknown.Name.Contains("_exp", StringComparison.Ordinal) || unknown.Name.Contains("_inp", StringComparison.Ordinal) ? "; mixtures of experts are not read from GGUF files" : "")}.");
        }
    }

    private Value RowsInput()
    {
        Constant last = Constant.Of<long>(new Shape(1), -1);
        Value rows = new("logit_rows")
        {
            Type = last.Type,
            Constant = last,
            IsOptionalInput = true,
            Declared = new ValueMetadata("logit_rows", ElementType.Int64, [new(-1, "rows")]) { HasDefault = true },
        };
        _graph.Graph.OptionalInputs.Add(rows);
        return rows;
    }

    private Value Cache(string name, int size) => _graph.Input(name, ElementType.Float32, new(-1, "batch_size"), new(_sizes.KeyHeads), new(-1, "past_sequence_length"), new(size));

    private void Declare(string name, int size) => _graph.Output(
        _graph.Graph.Nodes.SelectMany(node => node.Outputs).OfType<Value>().First(value => value.Name == name),
        ElementType.Float32, new(-1, "batch_size"), new(_sizes.KeyHeads), new(-1, "total_sequence_length"), new(size));

    // Cosines and sines of each position, once for all layers: [B, T, turned / 2].
    private (Value Cosines, Value Sines) Angles(Value positions, RotaryFrequencies frequencies)
    {
        Value each = Row(frequencies.Near);
        if (frequencies.Far is { } far)
        {
            Value last = _graph.Add("ReduceMax", [positions], ("keepdims", 0L));
            each = _graph.Add("Where", [_graph.Add("GreaterOrEqual", [last, _graph.Scalar((long)frequencies.Border)]), Row(far), each]);
        }

        Value numbers = _graph.Add("Cast", [positions], ("to", (long)ElementType.Float32));
        Value angles = _graph.Add("Mul", [_graph.Add("Unsqueeze", [numbers, _graph.Integers(2)]), each]);
        Value cosines = _graph.Add("Cos", [angles]);
        Value sines = _graph.Add("Sin", [angles]);
        return frequencies.Factor == 1 ? (cosines, sines) :
            (_graph.Add("Mul", [cosines, _graph.Scalar(frequencies.Factor)]), _graph.Add("Mul", [sines, _graph.Scalar(frequencies.Factor)]));

        Value Row(float[] numbers) => _graph.Constant(Constant.Of<float>(new Shape(1, 1, numbers.Length), numbers));
    }

    // What is added to products, once for all layers: [B, 1, T, all].
    private (Value? Full, Value? Window) Masks(Value ids, Value positions, Value past, bool[] isNear)
    {
        Value total = _graph.Add("Add", [Size(past, 2), Size(ids, 1)]);
        Value others = _graph.Add("Range", [_graph.Scalar(0L), _graph.Add("Squeeze", [total, _graph.Integers(0)]), _graph.Scalar(1L)]);
        Value own = _graph.Add("Unsqueeze", [positions, _graph.Integers(1, 3)]);
        Value before = _graph.Add("LessOrEqual", [others, own]);
        Value? full = isNear.All(near => near) ? null : Hide(before);
        Value? window = !isNear.Any(near => near) ? null :
            Hide(_graph.Add("And", [before, _graph.Add("Greater", [others, _graph.Add("Sub", [own, _graph.Scalar((long)_sizes.Window)])])]));
        return (full, window);

        Value Hide(Value visible) => _graph.Add("Where", [visible, _graph.Scalar(0f), _graph.Scalar(float.NegativeInfinity)]);

        Value Size(Value value, long dimension) => _graph.Add("Shape", [value], ("start", dimension), ("end", dimension + 1));
    }

    private Value Attention(int layer, Value x, (Value Cosines, Value Sines) angles, Value mask, (Value Keys, Value Values) past)
    {
        (int queries, int keys, int values) = (_sizes.Heads * _sizes.HeadSize, _sizes.KeyHeads * _sizes.HeadSize, _sizes.KeyHeads * _sizes.ValueSize);
        Value query, key, value;
        if (_family.HasJoinedProjections && _file.FindTensor($"blk.{layer}.attn_qkv.weight") is not null)
        {
            Value[] parts = [new($"blk.{layer}.q"), new($"blk.{layer}.k"), new($"blk.{layer}.v")];
            _graph.Add("Split", [Product(x, $"blk.{layer}.attn_qkv", queries + keys + values, _sizes.Hidden), _graph.Integers(queries, keys, values)], parts, ("axis", -1L));
            (query, key, value) = (parts[0], parts[1], parts[2]);
        }
        else
        {
            query = Product(x, $"blk.{layer}.attn_q", queries, _sizes.Hidden);
            key = Product(x, $"blk.{layer}.attn_k", keys, _sizes.Hidden);
            value = Product(x, $"blk.{layer}.attn_v", values, _sizes.Hidden);
        }

        query = Turn(Heads(query, _sizes.Heads, _sizes.HeadSize, _family.HasHeadNorms ? $"blk.{layer}.attn_q_norm" : null));
        key = Turn(Heads(key, _sizes.KeyHeads, _sizes.HeadSize, _family.HasHeadNorms ? $"blk.{layer}.attn_k_norm" : null));
        value = Heads(value, _sizes.KeyHeads, _sizes.ValueSize, null);
        Value attended = new($"blk.{layer}.attention");
        List<(string Name, object Value)> attributes = [("scale", _sizes.Scale)];
        if (_sizes.AttentionLimit > 0)
        {
            attributes.Add(("softcap", _sizes.AttentionLimit));
        }

        _graph.Add("Attention", [query, key, value, mask, past.Keys, past.Values], [attended, new Value($"present.{layer}.key"), new Value($"present.{layer}.value")], [.. attributes]);
        Value merged = _graph.Add("Reshape", [_graph.Add("Transpose", [attended], ("perm", new long[] { 0, 2, 1, 3 })), _graph.Integers(0, 0, _sizes.Heads * _sizes.ValueSize)]);
        return Product(merged, $"blk.{layer}.attn_output", _sizes.Hidden, _sizes.Heads * _sizes.ValueSize);

        Value Turn(Value heads) => _graph.Add(
            "RotaryEmbedding", [heads, angles.Cosines, angles.Sines], ("interleaved", _family.TurnsNeighbours ? 1L : 0L), ("rotary_embedding_dim", _sizes.Turned < _sizes.HeadSize ? (long)_sizes.Turned : 0L));
    }

    // [B, T, H * D] as [B, H, T, D].
    private Value Heads(Value x, int heads, int size, string? norm)
    {
        x = _graph.Add("Reshape", [x, _graph.Integers(0, 0, heads, size)]);
        return _graph.Add("Transpose", [norm is null ? x : Norm(x, norm, size)], ("perm", new long[] { 0, 2, 1, 3 }));
    }

    private Value FeedForward(int layer, Value x)
    {
        Value gate, up;
        if (_family.HasJoinedProjections && _file.FindTensor($"blk.{layer}.ffn_gate.weight") is null)
        {
            Value[] parts = [new($"blk.{layer}.gate"), new($"blk.{layer}.up")];
            _graph.Add("Split", [Product(x, $"blk.{layer}.ffn_up", 2 * _sizes.Intermediate, _sizes.Hidden), _graph.Integers(_sizes.Intermediate, _sizes.Intermediate)], parts, ("axis", -1L));
            (gate, up) = (parts[0], parts[1]);
        }
        else
        {
            gate = Product(x, $"blk.{layer}.ffn_gate", _sizes.Intermediate, _sizes.Hidden);
            up = Product(x, $"blk.{layer}.ffn_up", _sizes.Intermediate, _sizes.Hidden);
        }

        gate = _family.IsGemma ? _graph.Add("Gelu", [gate], ("approximate", "tanh")) : _graph.Add("Mul", [gate, _graph.Add("Sigmoid", [gate])]);
        return Product(_graph.Add("Mul", [gate, up]), $"blk.{layer}.ffn_down", _sizes.Hidden, _sizes.Intermediate);
    }

    private Value Norm(Value x, string name, int? size = null) =>
        _graph.Add("RMSNormalization", [x, Weight($"{name}.weight", size ?? _sizes.Hidden)], ("axis", -1L), ("epsilon", _sizes.Epsilon));

    private Value Product(Value x, string name, long outputs, long inputs)
    {
        Value product = _graph.Add("MatMul", [x, _graph.Add("Transpose", [Weight($"{name}.weight", outputs, inputs)], ("perm", new long[] { 1, 0 }))]);
        return _file.FindTensor($"{name}.bias") is null ? product : _graph.Add("Add", [product, Weight($"{name}.bias", outputs)]);
    }

    private GgufTensor Tensor(string name) => _file.FindTensor(name) ?? throw _file.Error($"the tensor '{name}' is missing.");

    private Value Weight(string name, params ReadOnlySpan<long> dimensions) => _graph.Constant(Read(name, new Shape(dimensions)), name);

    private Constant Read(string name, Shape shape)
    {
        GgufTensor tensor = Tensor(name);
        if (tensor.Shape != shape || tensor.StoredType is ElementType.Float64 or ElementType.Int8 or ElementType.Int16 or ElementType.Int32 or ElementType.Int64)
        {
            throw _file.Error($"the tensor {tensor} should be numbers in the shape {shape}.");
        }

        _used.Add(name);
        TensorType type = new(ElementType.Float32, shape);
        WeightRange location = new(name, _file.Source, tensor.Offset, tensor.Length);
        if (tensor.StoredType != ElementType.Float32 || tensor.Length > MostKeptBytes)
        {
            return Constant.FromLocation(type, tensor.StoredType, location);
        }

        byte[] small = new byte[tensor.Length];
        location.Read(small);
        return Constant.FromData(type, small);
    }

    private float[]? Factors(string name)
    {
        if (_file.FindTensor(name) is null)
        {
            return null;
        }

        Constant constant = Read(name, new Shape(_sizes.Turned / 2));
        float[] numbers = new float[_sizes.Turned / 2];
        if (constant.StoredType == ElementType.Float32)
        {
            constant.Read(0, System.Runtime.InteropServices.MemoryMarshal.AsBytes(numbers.AsSpan()));
        }
        else
        {
            WeightElements.Read(constant, numbers);
        }

        return Array.TrueForAll(numbers, number => float.IsFinite(number) && number != 0) ? numbers : throw _file.Error($"the tensor '{name}' has factors that are zero or no numbers.");
    }
}
