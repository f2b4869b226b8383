using OnnxStream.Interop.Graphs;
using OnnxStream.Interop.Tensors;

namespace OnnxStream.Interop.Text;

/// <summary>Finds out the element types of a graph whose inputs declare none, as <c>model.txt</c> does.</summary>
/// <remarks>
/// Values that operators demand to have one type form groups: what goes into and comes out of Reshape, both sides of Add, and
/// so on. A group has the type of the weights in it, or of a result whose type is fixed (Shape, Cast). What is left belongs to
/// inputs: int64 where an operator wants indices or where the only use is a Cast (the original casts from int64 only), bool
/// where one wants conditions, the type of the Cast behind it where <see cref="CastName"/> is its name, and float32 everywhere else.
/// </remarks>
internal sealed class ElementTypeInference
{
    // Inputs and outputs of each operator; the last letter of a side stands for all that follow.
    // T: one type for all of these. I: int64, unless something else says otherwise. B: truth values, likewise. ?: anything.
    private static readonly Dictionary<string, string> s_signatures = new()
    {
        ["Abs"] = "T>T",
        ["Add"] = "TT>T",
        ["And"] = "B>B",
        ["ArgMax"] = "?>I",
        ["ArgMin"] = "?>I",
        ["AveragePool"] = "T>T",
        ["BatchNormalization"] = "T>T",
        ["Ceil"] = "T>T",
        ["Clip"] = "T>T",
        ["Concat"] = "T>T",
        ["ConstantOfShape"] = "I>?",
        ["Conv"] = "T>T",
        ["ConvTranspose"] = "T>T",
        ["Cos"] = "T>T",
        ["CumSum"] = "TI>T",
        ["DepthToSpace"] = "T>T",
        ["Div"] = "TT>T",
        ["Dropout"] = "T?>TB",
        ["Einsum"] = "T>T",
        ["Elu"] = "T>T",
        ["Equal"] = "T>B",
        ["Erf"] = "T>T",
        ["Exp"] = "T>T",
        ["Expand"] = "TI>T",
        ["Flatten"] = "T>T",
        ["Floor"] = "T>T",
        ["Gather"] = "TI>T",
        ["GatherElements"] = "TI>T",
        ["GatherND"] = "TI>T",
        ["Gemm"] = "T>T",
        ["GlobalAveragePool"] = "T>T",
        ["GlobalMaxPool"] = "T>T",
        ["Greater"] = "T>B",
        ["GreaterOrEqual"] = "T>B",
        ["HardSigmoid"] = "T>T",
        ["HardSwish"] = "T>T",
        ["Identity"] = "T>T",
        ["InstanceNormalization"] = "T>T",
        ["LayerNormalization"] = "T>T",
        ["LeakyRelu"] = "T>T",
        ["Less"] = "T>B",
        ["LessOrEqual"] = "T>B",
        ["Log"] = "T>T",
        ["LogSoftmax"] = "T>T",
        ["LpNormalization"] = "T>T",
        ["MatMul"] = "T>T",
        ["Max"] = "T>T",
        ["MaxPool"] = "T>TI",
        ["Mean"] = "T>T",
        ["Min"] = "T>T",
        ["Mod"] = "T>T",
        ["Mul"] = "T>T",
        ["Neg"] = "T>T",
        ["NonZero"] = "?>I",
        ["Not"] = "B>B",
        ["OneHot"] = "?IT>T",
        ["Or"] = "B>B",
        ["PRelu"] = "T>T",
        ["Pad"] = "TITI>T",
        ["Pow"] = "T?>T",
        ["Range"] = "T>T",
        ["Reciprocal"] = "T>T",
        ["ReduceL1"] = "TI>T",
        ["ReduceL2"] = "TI>T",
        ["ReduceMax"] = "TI>T",
        ["ReduceMean"] = "TI>T",
        ["ReduceMin"] = "TI>T",
        ["ReduceProd"] = "TI>T",
        ["ReduceSum"] = "TI>T",
        ["ReduceSumSquare"] = "TI>T",
        ["Relu"] = "T>T",
        ["Reshape"] = "TI>T",
        ["Resize"] = "T??I>T",
        ["Round"] = "T>T",
        ["ScatterElements"] = "TIT>T",
        ["ScatterND"] = "TIT>T",
        ["Selu"] = "T>T",
        ["Shape"] = "?>I",
        ["Sigmoid"] = "T>T",
        ["Sign"] = "T>T",
        ["Sin"] = "T>T",
        ["Size"] = "?>I",
        ["Slice"] = "TI>T",
        ["Softmax"] = "T>T",
        ["Softplus"] = "T>T",
        ["SpaceToDepth"] = "T>T",
        ["Split"] = "TI>T",
        ["Sqrt"] = "T>T",
        ["Squeeze"] = "TI>T",
        ["Sub"] = "T>T",
        ["Sum"] = "T>T",
        ["Tan"] = "T>T",
        ["Tanh"] = "T>T",
        ["Tile"] = "TI>T",
        ["TopK"] = "TI>TI",
        ["Transpose"] = "T>T",
        ["Trilu"] = "TI>T",
        ["Unsqueeze"] = "TI>T",
        ["Where"] = "BT>T",
        ["Xor"] = "B>B",
    };

    private readonly Dictionary<Value, Value> _groups = [];
    private readonly Dictionary<Value, ElementType> _types = [];

    private ElementTypeInference()
    {
    }

    /// <summary>The name of an input behind the Cast that says of what type it is.</summary>
    public static string CastName(Value input, ElementType type) => $"{input.Name}.{type.ToOnnxName()}";

    /// <summary>Infers the types of all values of a graph.</summary>
    public static ElementTypeInference Infer(Graph graph)
    {
        ElementTypeInference inference = new();
        inference.Group(graph);
        inference.Hint(graph);
        return inference;
    }

    /// <summary>The element type of a value.</summary>
    public ElementType Of(Value value) => _types.GetValueOrDefault(Root(value), ElementType.Float32);

    private void Group(Graph graph)
    {
        foreach (Node node in graph.Nodes)
        {
            foreach (Value? input in node.Inputs)
            {
                if (input?.Constant is { } constant)
                {
                    _types.TryAdd(Root(input), constant.Type.ElementType);
                }
            }
        }

        foreach (Node node in graph.Nodes)
        {
            if (node is { Domain: "", OperatorType: "Cast", Outputs: [{ } cast, ..] } && node.Attributes.All.GetValueOrDefault("to") is long to)
            {
                _types.TryAdd(Root(cast), (ElementType)to);

                // What OnnxStreamDialect puts behind inputs of other integers than int64: the name says what the input is.
                if (node.Inputs is [{ Constant: null, Producer: null } input, ..] && cast.Name == CastName(input, (ElementType)to) && (((ElementType)to).IsInteger() || to == (long)ElementType.Bool))
                {
                    _types.TryAdd(Root(input), (ElementType)to);
                }
            }
            else if (node is { Domain: "", OperatorType: "ConstantOfShape", Outputs: [{ } filled, ..] })
            {
                _types.TryAdd(Root(filled), (node.Attributes.All.GetValueOrDefault("value") as Constant)?.Type.ElementType ?? ElementType.Float32);
            }

            Value? typed = null;
            foreach ((Value value, char kind, bool isOutput) in Signature(node))
            {
                if (kind == 'T')
                {
                    typed = typed is null ? value : Join(typed, value);
                }
                else if (isOutput && kind is 'I' or 'B')
                {
                    _types.TryAdd(Root(value), kind == 'I' ? ElementType.Int64 : ElementType.Bool);
                }
            }
        }
    }

    private void Hint(Graph graph)
    {
        foreach (Node node in graph.Nodes)
        {
            foreach ((Value value, char kind, bool isOutput) in Signature(node))
            {
                if (!isOutput && kind is 'I' or 'B')
                {
                    _types.TryAdd(Root(value), kind == 'I' ? ElementType.Int64 : ElementType.Bool);
                }
            }
        }

        foreach (Node node in graph.Nodes)
        {
            if (node is { Domain: "", OperatorType: "Cast", Inputs: [{ } input, ..] })
            {
                _types.TryAdd(Root(input), ElementType.Int64);
            }
        }
    }

    private static IEnumerable<(Value Value, char Kind, bool IsOutput)> Signature(Node node)
    {
        if (node.Domain.Length > 0 || !s_signatures.TryGetValue(node.OperatorType, out string? signature))
        {
            yield break;
        }

        int arrow = signature.IndexOf('>', StringComparison.Ordinal);
        for (int i = 0; i < node.Inputs.Length; i++)
        {
            if (node.Inputs[i] is { } input)
            {
                yield return (input, signature[Math.Min(i, arrow - 1)], false);
            }
        }

        for (int i = 0; i < node.Outputs.Length; i++)
        {
            if (node.Outputs[i] is { } output)
            {
                yield return (output, signature[Math.Min(arrow + 1 + i, signature.Length - 1)], true);
            }
        }
    }

    private Value Root(Value value)
    {
        while (_groups.TryGetValue(value, out Value? parent))
        {
            // Every other step is skipped next time, so that chains stay short.
            if (_groups.TryGetValue(parent, out Value? grandparent))
            {
                _groups[value] = grandparent;
            }

            value = parent;
        }

        return value;
    }

    // Where both groups have a type already, the types stay apart: the operator itself will say that they differ.
    private Value Join(Value left, Value right)
    {
        left = Root(left);
        right = Root(right);
        if (ReferenceEquals(left, right))
        {
            return left;
        }

        bool leftTyped = _types.ContainsKey(left);
        bool rightTyped = _types.ContainsKey(right);
        if (leftTyped && rightTyped)
        {
            return left;
        }

        (Value root, Value child) = rightTyped ? (right, left) : (left, right);
        _groups[child] = root;
        return root;
    }
}
