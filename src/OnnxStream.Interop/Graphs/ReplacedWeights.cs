using OnnxStream.Interop.Tensors;
using OnnxStream.Interop.Weights;

namespace OnnxStream.Interop.Graphs;

/// <summary>Finds the weights of a model, and makes a model of the same graph with others.</summary>
/// <param name="content">The model.</param>
internal sealed class ReplacedWeights(ModelContent content)
{
    // Smaller ones are read at once: some parts of the library look at their numbers.
    private const int InlineBytes = 1024;

    /// <summary>The weights, in the order of their first use.</summary>
    public IReadOnlyList<ModelWeight> Find()
    {
        Dictionary<Value, List<WeightUse>> uses = [];
        foreach (Node node in content.Graph.AllNodes())
        {
            for (int i = 0; i < node.Inputs.Length; i++)
            {
                // The consumers of what a node makes of a weight use the weight.
                (Value? value, bool isTransposed) = Origin(node.Inputs[i]);
                if (!IsPassedOn(node) && value?.Constant is { Quantization: null, IsPacked: false } && !value.IsOptionalInput)
                {
                    bool isOutputMajor = isTransposed || node is { Domain: "", OperatorType: "Conv" } || (node is { Domain: "", OperatorType: "Gemm" } && node.Attributes.Int("transB", 0) != 0);
                    Add(value, new WeightUse(node.Name, node.OperatorType, i) { IsOutputMajor = isOutputMajor });
                }
            }
        }

        HashSet<string> names = new(StringComparer.Ordinal);
        return [.. uses.Where(pair => names.Add(pair.Key.Name)).Select(pair => Describe(pair.Key.Name, pair.Key.Constant!, pair.Value))];

        void Add(Value value, WeightUse use)
        {
            if (!uses.TryGetValue(value, out List<WeightUse>? list))
            {
                uses.Add(value, list = []);
            }

            list.Add(use);
        }
    }

    /// <summary>The model with other weights.</summary>
    /// <param name="replacements">By the names of the weights whose place they take.</param>
    public ModelContent With(IReadOnlyDictionary<string, WeightReplacement> replacements)
    {
        GraphCopy copy = GraphCopy.Of(content.Graph);
        HashSet<string> unused = [.. replacements.Keys];
        List<Node> transpositions = [];
        foreach ((Value original, Value value) in copy.Values)
        {
            if (original.Constant is not { } constant || original.IsOptionalInput || !replacements.TryGetValue(value.Name, out WeightReplacement? replacement))
            {
                continue;
            }

            unused.Remove(value.Name);
            Constant made = Make(value.Name, constant, replacement);
            if (!replacement.IsTransposed)
            {
                value.Constant = made;
                value.Type = made.Type;
                continue;
            }

            Value stored = new($"{value.Name}.stored") { Constant = made, Type = made.Type };
            value.Constant = null;
            transpositions.Add(new Node("Transpose", "", (int)content.OperatorSets.GetValueOrDefault("", 13), $"{value.Name}.transpose", [stored], [value], new Attributes(new Dictionary<string, object> { ["perm"] = new long[] { 1, 0 } })));
        }

        if (unused.Count > 0)
        {
            throw new ArgumentException($"{content.Path}: the model has no weight '{unused.First()}'.", nameof(replacements));
        }

        copy.Graph.Nodes.InsertRange(0, transpositions);
        return content with { Graph = copy.Graph };
    }

    // The weight that a value is, transposed or in another floating-point type.
    private static (Value? Value, bool IsTransposed) Origin(Value? value)
    {
        bool isTransposed = false;
        while (value?.Producer is { } producer && IsPassedOn(producer))
        {
            isTransposed ^= producer.OperatorType == "Transpose";
            value = producer.Inputs[0];
        }

        return (value, isTransposed);
    }

    // Whether a node gives a weight on to its consumers: all of it is a weight's transposition, or the same numbers in another type.
    private static bool IsPassedOn(Node node) =>
        node is { Domain: "", OperatorType: "Cast" or "Transpose" } && node.Inputs[0] is { } input && (input.Producer is { } producer ? IsPassedOn(producer) : input.Constant is not null) &&
        Origin(input).Value?.Constant is { Quantization: null, IsPacked: false } constant && (node.OperatorType == "Transpose"
            ? constant.Type.Shape.Rank == 2 && (node.Attributes.Ints("perm") is null or [1, 0])
            : constant.Type.ElementType.IsFloat() && node.Attributes.Int("to", 0) is (long)ElementType.Float32 or (long)ElementType.Float16 or (long)ElementType.BFloat16);

    private ModelWeight Describe(string name, Constant constant, IReadOnlyList<WeightUse> uses)
    {
        WeightRange location = constant.Location ?? new WeightRange(name, new MemorySource($"{content.Path}#{name}", constant.Data!), 0, constant.Data!.Length);
        return new ModelWeight(name, constant.StoredType, constant.Type.Shape, location, uses) { IsChannelsLast = constant.IsChannelsLast, ComputedType = constant.Type.ElementType };
    }

    private Constant Make(string name, Constant constant, WeightReplacement replacement)
    {
        Shape shape = constant.Type.Shape;
        if (constant.Quantization is not null || constant.IsPacked)
        {
            throw new ArgumentException($"{content.Path}: the weight '{name}' is quantized, and cannot be replaced by other numbers.", nameof(replacement));
        }

        if (replacement.ElementType != constant.StoredType && !(replacement.ElementType is ElementType.Float32 or ElementType.Float16 or ElementType.BFloat16 && constant.Type.ElementType == ElementType.Float32))
        {
            throw new ArgumentException($"{content.Path}: the weight '{name}' is {constant.Type.ElementType} and cannot be replaced by {replacement.ElementType}.", nameof(replacement));
        }

        if (replacement.Rows is { } rows)
        {
            if (shape.Rank != 2 || rows < shape[0] || replacement.IsTransposed)
            {
                throw new ArgumentException($"{content.Path}: the weight '{name}' has the shape {shape}; {rows:N0} rows cannot take its place.", nameof(replacement));
            }

            shape = shape.With(0, rows);
        }

        if (replacement.IsTransposed)
        {
            shape = shape.Rank == 2 ? new Shape(shape[1], shape[0]) : throw new ArgumentException($"{content.Path}: the weight '{name}' has the shape {shape}; only a matrix can lie transposed.", nameof(replacement));
        }

        TensorType type = new(constant.Type.ElementType, shape);
        WeightRange location = new(name, replacement.Source, replacement.Offset, new TensorType(replacement.ElementType, shape).ByteLength);
        if (location.Offset < 0 || location.Offset > replacement.Source.CheckedLength() - location.Length)
        {
            throw new WeightsException($"{replacement.Source}: the file has {replacement.Source.CheckedLength():N0} bytes, and those from {location.Offset:N0} to {location.Offset + location.Length:N0} are to be the weight '{name}'.");
        }

        Constant made = replacement.IsChannelsLast ? Constant.FromChannelsLastLocation(type, replacement.ElementType, location) : Constant.FromLocation(type, replacement.ElementType, location);
        return type.ByteLength > InlineBytes || replacement.IsChannelsLast ? made : Constant.FromData(type, WeightCopier.ToBytes(made, type.ElementType));
    }

    // A weight that is so small that it was read with the graph.
    private sealed class MemorySource(string id, byte[] bytes) : WeightSource(id)
    {
        public override long Length => bytes.Length;

        public override string Version { get; } = Convert.ToHexStringLower(System.Security.Cryptography.SHA256.HashData(bytes));

        public override void Read(long offset, Span<byte> destination) => bytes.AsSpan(checked((int)offset), destination.Length).CopyTo(destination);
    }
}
