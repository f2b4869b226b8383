using OnnxStream.Interop.Graphs;
using OnnxStream.Interop.Tensors;
using OnnxStream.Interop.Weights;

namespace OnnxStream.Interop.Onnx;

/// <summary>Reads ONNX files into graphs. https://onnx.ai/onnx/repo-docs/IR.html</summary>
internal sealed class OnnxReader
{
    private const int MaximumGraphDepth = 32;

    private const int FirstVersionWithOptionalInputs = 4;

    // The first operator set whose Constant may hold a sparse tensor.
    private const int FirstWithSparseConstants = 11;

    // Functions that call functions multiply, and so do graphs in them: more nodes and values than this are an attack, not a model.
    private const int MaximumParts = 1_000_000;

    // Each function within a function makes names longer.
    private const long MaximumNameCharacters = 256L << 20;

    private readonly string _path;
    private readonly TensorReader _tensors;
    private readonly Dictionary<string, int> _operatorSets;

    // Before IR version 4 all initializers had to be listed as inputs, too: they are weights like others.
    private readonly bool _hasOptionalInputs;
    private readonly Dictionary<(string Domain, string Name, string Overload), FunctionProto> _functions = [];
    private readonly Dictionary<AttributeProto, object> _attributes = new(ReferenceEqualityComparer.Instance);
    private long _parts;
    private long _nameCharacters;

    private OnnxReader(ModelEntry entry, ModelProto model)
    {
        _path = entry.Id;
        _tensors = new TensorReader(entry);
        _operatorSets = ReadOperatorSets(model.OpsetImport);
        _hasOptionalInputs = model.IrVersion >= FirstVersionWithOptionalInputs;
        foreach (FunctionProto function in model.Functions)
        {
            if (!_functions.TryAdd((Domain(function.Domain), function.Name, function.Overload), function))
            {
                string overload = function.Overload.Length > 0 ? $" with the overload '{function.Overload}'" : "";
                throw new ModelFormatException(_path, $"the model has two functions '{function.Name}' of domain '{function.Domain}'{overload}.");
            }
        }
    }

    /// <summary>Reads a model.</summary>
    /// <exception cref="ModelFormatException">The file is not a valid ONNX model.</exception>
    /// <exception cref="WeightsException">The file, or one that it names, cannot be read.</exception>
    public static ModelContent Read(ModelEntry entry)
    {
        ModelProto model = OnnxScanner.Read(entry.Source);
        if (model.Graph is null)
        {
            throw new ModelFormatException(entry.Id, $"not an ONNX model: it has no graph.{ForeignFile.Sentence(entry.Source)}");
        }

        OnnxReader reader = new(entry, model);
        Graph graph = reader.ReadGraph(model.Graph, null, new Scope(reader._operatorSets, null, "", 0));
        return new ModelContent(entry.Id, "ONNX", reader._operatorSets.ToDictionary(pair => pair.Key, pair => (long)pair.Value), graph);
    }

    // "ai.onnx" is another spelling of the default domain.
    private static string Domain(string domain) => domain == "ai.onnx" ? "" : domain;

    private static Dictionary<string, int> ReadOperatorSets(IEnumerable<OperatorSetIdProto> imports)
    {
        Dictionary<string, int> operatorSets = [];
        foreach (OperatorSetIdProto set in imports)
        {
            operatorSets[Domain(set.Domain)] = (int)Math.Clamp(set.Version, 0, int.MaxValue);
        }

        return operatorSets;
    }

    private Graph ReadGraph(GraphProto proto, Names? outer, Scope around)
    {
        Count(proto.Node.Count + proto.Initializer.Count + proto.SparseInitializer.Count + proto.Input.Count + proto.Output.Count, proto.Name);
        if (around.Depth > MaximumGraphDepth)
        {
            throw new ModelFormatException(_path, $"graphs are nested more than {MaximumGraphDepth} deep.");
        }

        // All names first: nodes may stand in any order, and graphs inside of nodes read values of any node.
        Dictionary<string, Value> values = [];
        List<Value> inputs = [];
        List<Value> optionalInputs = [];
        List<Node> nodes = [];
        Dictionary<string, ValueInfoProto> defaults = outer is null && _hasOptionalInputs ? proto.Input.DistinctBy(input => input.Name).ToDictionary(input => input.Name) : [];
        foreach (TensorProto initializer in proto.Initializer)
        {
            if (!values.TryAdd(initializer.Name, ReadInitializer(initializer, defaults.GetValueOrDefault(initializer.Name))))
            {
                throw new ModelFormatException(_path, $"the graph '{proto.Name}' has two initializers named '{initializer.Name}'.");
            }
        }

        foreach (SparseTensorProto initializer in proto.SparseInitializer)
        {
            Value value = new(initializer.Values?.Name ?? "");
            ReadSparse(initializer, value, nodes);
            if (!values.TryAdd(value.Name, value))
            {
                throw new ModelFormatException(_path, $"the graph '{proto.Name}' has two initializers named '{value.Name}'.");
            }
        }

        foreach (ValueInfoProto input in proto.Input)
        {
            Value value = new(input.Name) { Declared = ReadDeclaration(input) };
            if (values.TryAdd(input.Name, value))
            {
                inputs.Add(value);
            }
            else if (values[input.Name] is { Constant: null, Producer: null } || optionalInputs.Exists(other => other.Name == input.Name))
            {
                throw new ModelFormatException(_path, $"the graph '{proto.Name}' has two inputs named '{input.Name}'.");
            }
            else if (values[input.Name] is { IsOptionalInput: true } optional)
            {
                optionalInputs.Add(optional);
            }
        }

        foreach (NodeProto node in proto.Node)
        {
            foreach (string name in node.Output)
            {
                if (name.Length > 0 && !values.TryAdd(name, new Value(name)))
                {
                    throw new ModelFormatException(_path, $"the value '{name}' in graph '{proto.Name}' is made twice, the second time by the {node.OpType} node '{node.Name}'.");
                }
            }
        }

        Names scope = new(values, outer);
        foreach (NodeProto node in proto.Node)
        {
            ReadNode(node, proto.Name, scope, around, nodes);
        }

        List<Value> outputs = [];
        foreach (ValueInfoProto output in proto.Output)
        {
            Value value = scope.Find(output.Name) ??
                throw new ModelFormatException(_path, $"the output '{output.Name}' of graph '{proto.Name}' is made by no node.");
            value.Declared ??= ReadDeclaration(output);
            outputs.Add(value);
        }

        Graph graph = new() { Name = proto.Name, Inputs = inputs, OptionalInputs = optionalInputs, Outputs = outputs, Nodes = nodes };
        try
        {
            graph.SortTopologically();
        }
        catch (InvalidGraphException exception)
        {
            throw new ModelFormatException(_path, exception.Message, exception);
        }

        return graph;
    }

    // What is declared as an input, too, is the value of that where a run is not given it.
    private Value ReadInitializer(TensorProto initializer, ValueInfoProto? input)
    {
        Constant constant = _tensors.Read(initializer);
        ValueMetadata? declared = input is null ? null : ReadDeclaration(input) with { HasDefault = true, IsOptional = false };

        // Where the declaration names another type, nothing that fits it could take the place of the default.
        return declared is not { IsSequence: false } || (declared.ElementType != ElementType.Undefined && declared.ElementType != constant.Type.ElementType)
            ? new Value(initializer.Name) { Type = constant.Type, Constant = constant }
            : new Value(initializer.Name)
            {
                Type = constant.Type,
                Constant = constant,
                IsOptionalInput = true,
                Declared = declared with { ElementType = constant.Type.ElementType },
            };
    }

    // Adds the nodes that make a tensor of which the file holds only what is not zero.
    private void ReadSparse(SparseTensorProto tensor, Value result, List<Node> nodes)
    {
        string? problem;
        try
        {
            problem = SparseTensors.Expand(tensor, result, _tensors.Read, nodes);
        }
        catch (Exception exception) when (exception is OverflowException or ArgumentOutOfRangeException)
        {
            throw new ModelFormatException(_path, $"the sparse tensor '{result.Name}' has the impossible shape [{string.Join(',', tensor.Dims)}].", exception);
        }

        if (problem is not null)
        {
            throw new ModelFormatException(_path, $"the sparse tensor '{result.Name}' is damaged: {problem}.");
        }
    }

    // Adds a node, or, where it calls a function of the model, the nodes of that.
    private void ReadNode(NodeProto proto, string graph, Names values, Scope around, List<Node> nodes)
    {
        string domain = Domain(proto.Domain);
        if (domain.Length == 0 && proto is { OpType: "Constant", Attribute: [{ Name: "sparse_value", SparseTensor: { } sparse }], Output: [{ Length: > 0 } made] } && around.OperatorSets.GetValueOrDefault("", 1) >= FirstWithSparseConstants)
        {
            ReadSparse(sparse, values.Own[made], nodes);
            return;
        }

        Dictionary<string, object> attributes = [];
        foreach (AttributeProto attribute in proto.Attribute)
        {
            if (attribute.RefAttrName.Length == 0)
            {
                attributes[attribute.Name] = ReadAttribute(proto, attribute, values, around);
            }
            else if (around.Attributes is null)
            {
                throw new ModelFormatException(_path, $"the attribute '{attribute.Name}' of the {proto.OpType} node '{proto.Name}' refers to '{attribute.RefAttrName}', but the node is not in a function.");
            }
            else if (around.Attributes.TryGetValue(attribute.RefAttrName, out object? given))
            {
                attributes[attribute.Name] = given;
            }
        }

        Value?[] inputs = [.. WithoutOmittedEnd(proto.Input).Select(name => name.Length == 0 || around.Omitted.Contains(name) ? null : values.Find(name) ??
            throw new ModelFormatException(_path, $"the value '{name}' is read by the {proto.OpType} node '{proto.Name}' in graph '{graph}', but made by no node, and neither an input nor an initializer."))];
        Value?[] outputs = [.. WithoutOmittedEnd(proto.Output).Select(name => name.Length == 0 ? null : values.Own[name])];
        if (_functions.TryGetValue((domain, proto.OpType, proto.Overload), out FunctionProto? function))
        {
            Inline(function, proto, inputs, outputs, attributes, around, nodes);
            return;
        }

        if (domain == OperatorSets.InternalDomain)
        {
            throw new ModelFormatException(_path, $"the {proto.OpType} node '{proto.Name}' is of the domain '{domain}', which no file may use.");
        }

        if (!around.OperatorSets.TryGetValue(domain, out int operatorSet))
        {
            // Old writers leave the import of the default domain out.
            operatorSet = domain.Length == 0 ? 1 : throw new ModelFormatException(_path, $"the node '{proto.Name}' uses the operator {proto.OpType} of domain '{domain}', which the model does not import.");
        }

        nodes.Add(new Node(proto.OpType, domain, operatorSet, around.Prefix + proto.Name, inputs, outputs, new Attributes(attributes)));

        static IEnumerable<string> WithoutOmittedEnd(IReadOnlyList<string> names)
        {
            int count = names.Count;
            while (count > 0 && names[count - 1].Length == 0)
            {
                count--;
            }

            return names.Take(count);
        }
    }

    // Puts the nodes of a function in the place of one that calls it. Its values get names of their own.
    private void Inline(FunctionProto function, NodeProto call, Value?[] inputs, Value?[] outputs, Dictionary<string, object> attributes, Scope around, List<Node> nodes)
    {
        Count(1 + function.Node.Count + function.Input.Count + function.Output.Count, function.Name);
        if (around.Depth >= MaximumGraphDepth)
        {
            throw new ModelFormatException(_path, $"the function '{function.Name}' of domain '{function.Domain}' calls itself, or functions are nested more than {MaximumGraphDepth} deep.");
        }

        if (inputs.Length > function.Input.Count || outputs.Length > function.Output.Count)
        {
            throw new ModelFormatException(_path, $"the node '{call.Name}' has {inputs.Length} inputs and {outputs.Length} outputs, but the function '{function.Name}' has {function.Input.Count} and {function.Output.Count}.");
        }

        string name = call.Name.Length > 0 ? call.Name : call.Output.FirstOrDefault(output => output.Length > 0) ?? function.Name;
        string prefix = $"{around.Prefix}{name}/";
        Dictionary<string, Value> values = [];
        HashSet<string> omitted = [];
        HashSet<string> given = [.. function.Input];
        for (int i = 0; i < function.Input.Count; i++)
        {
            if (i < inputs.Length && inputs[i] is { } input ? !values.TryAdd(function.Input[i], input) : !omitted.Add(function.Input[i]))
            {
                throw new ModelFormatException(_path, $"the function '{function.Name}' has two inputs named '{function.Input[i]}'.");
            }
        }

        // What the function gives under the name of an input, it passes through.
        for (int i = 0; i < outputs.Length; i++)
        {
            if (outputs[i] is not { } output)
            {
                continue;
            }

            if (given.Contains(function.Output[i]))
            {
                Value passed = values.GetValueOrDefault(function.Output[i]) ?? throw new ModelFormatException(_path, $"the node '{call.Name}' leaves out the input '{function.Output[i]}' that the function '{function.Name}' returns.");
                nodes.Add(new Node("Identity", "", OperatorSets.Newest, $"{prefix}{function.Output[i]}", [passed], [output], new Attributes()));
            }
            else
            {
                values[function.Output[i]] = output;
            }
        }

        HashSet<string> made = [];
        foreach (string output in function.Node.SelectMany(node => node.Output).Where(output => output.Length > 0))
        {
            if (!made.Add(output) || given.Contains(output))
            {
                throw new ModelFormatException(_path, $"the value '{output}' in function '{function.Name}' is made twice.");
            }

            CountName(prefix.Length + output.Length);
            values.TryAdd(output, new Value(prefix + output));
        }

        if (function.Output.FirstOrDefault(output => !made.Contains(output) && !given.Contains(output)) is { } missing)
        {
            throw new ModelFormatException(_path, $"the output '{missing}' of function '{function.Name}' is made by no node.");
        }

        foreach (AttributeProto attribute in function.AttributeProto)
        {
            if (!attributes.ContainsKey(attribute.Name))
            {
                attributes.Add(attribute.Name, ReadAttribute(call, attribute, new Names([], null), around));
            }
        }

        Scope inside = new(ReadOperatorSets(function.OpsetImport), attributes, prefix, around.Depth + 1) { Omitted = omitted };
        Names own = new(values, null);
        foreach (NodeProto node in function.Node)
        {
            CountName(prefix.Length + node.Name.Length);
            ReadNode(node, function.Name, own, inside, nodes);
        }
    }

    // What a node in a function says is the same for all that call it.
    private object ReadAttribute(NodeProto node, AttributeProto attribute, Names scope, Scope around)
    {
        if (!_attributes.TryGetValue(attribute, out object? value))
        {
            value = ConvertAttribute(node, attribute, scope, around);
            if (value is not Graph)
            {
                _attributes.Add(attribute, value);
            }
        }

        return value;
    }

    private object ConvertAttribute(NodeProto node, AttributeProto attribute, Names scope, Scope around)
    {
        AttributeProto.Types.AttributeType type = attribute.Type;
        if (type == AttributeProto.Types.AttributeType.Undefined)
        {
            // Files of IR version 1 and 2 do not say the type; the field that is set does.
            type = attribute.HasF ? AttributeProto.Types.AttributeType.Float :
                attribute.HasI ? AttributeProto.Types.AttributeType.Int :
                attribute.HasS ? AttributeProto.Types.AttributeType.String :
                attribute.T is not null ? AttributeProto.Types.AttributeType.Tensor :
                attribute.G is not null ? AttributeProto.Types.AttributeType.Graph :
                attribute.Tp is not null ? AttributeProto.Types.AttributeType.TypeProto :
                attribute.Floats.Count > 0 ? AttributeProto.Types.AttributeType.Floats :
                attribute.Strings.Count > 0 ? AttributeProto.Types.AttributeType.Strings :
                AttributeProto.Types.AttributeType.Ints;
        }

        switch (type)
        {
            case AttributeProto.Types.AttributeType.Float:
                return attribute.F;
            case AttributeProto.Types.AttributeType.Int:
                return attribute.I;
            case AttributeProto.Types.AttributeType.String:
                return attribute.S.ToStringUtf8();
            case AttributeProto.Types.AttributeType.Tensor when attribute.T is not null:
                return _tensors.Read(attribute.T);
            case AttributeProto.Types.AttributeType.Graph when attribute.G is not null:
                return ReadGraph(attribute.G, scope, around with { Depth = around.Depth + 1 });
            case AttributeProto.Types.AttributeType.TypeProto when attribute.Tp is not null:
                return ReadType("", attribute.Tp);
            case AttributeProto.Types.AttributeType.Floats:
                return attribute.Floats.ToArray();
            case AttributeProto.Types.AttributeType.Ints:
                return attribute.Ints.ToArray();
            case AttributeProto.Types.AttributeType.Strings:
                return attribute.Strings.Select(text => text.ToStringUtf8()).ToArray();
            default:
                throw new ModelFormatException(_path, $"the attribute '{attribute.Name}' of the {node.OpType} node '{node.Name}' is of the kind {attribute.Type}, which is not supported.");
        }
    }

    private ValueMetadata ReadDeclaration(ValueInfoProto proto) => ReadType(proto.Name, proto.Type);

    // An optional value may be a sequence, which is one of tensors.
    private ValueMetadata ReadType(string name, TypeProto? type)
    {
        bool isOptional = type?.ValueCase == TypeProto.ValueOneofCase.OptionalType;
        type = isOptional ? type!.OptionalType.ElemType : type;
        bool isSequence = type?.ValueCase == TypeProto.ValueOneofCase.SequenceType;
        type = isSequence ? type!.SequenceType.ElemType : type;
        return type?.ValueCase is TypeProto.ValueOneofCase.OptionalType or TypeProto.ValueOneofCase.SequenceType
            ? throw new ModelFormatException(_path, $"'{name}' is declared as values inside of each other that are not supported: sequences are of tensors, and optional values are tensors or sequences.")
            : ReadTensorType(name, type) with { IsSequence = isSequence, IsOptional = isOptional };
    }

    private ValueMetadata ReadTensorType(string name, TypeProto? proto)
    {
        if (proto?.TensorType is not { } tensor)
        {
            return new ValueMetadata(name, ElementType.Undefined, null);
        }

        Dimension[]? dimensions = tensor.Shape is null ? null : [.. tensor.Shape.Dim.Select(dimension =>
            dimension.ValueCase == TensorShapeProto.Types.Dimension.ValueOneofCase.DimValue
                ? new Dimension(dimension.DimValue >= 0 ? dimension.DimValue : throw new ModelFormatException(_path, $"'{name}' is declared with the dimension {dimension.DimValue}."))
                : new Dimension(-1, dimension.DimParam.Length > 0 ? dimension.DimParam : null))];
        ElementType type = (ElementType)tensor.ElemType;
        if (dimensions is not null)
        {
            CheckSize(name, dimensions);
        }

        return Enum.IsDefined(type) ? new ValueMetadata(name, type, dimensions) :
            throw new ModelFormatException(_path, $"'{name}' is declared with elements of the unknown type {tensor.ElemType}.");
    }

    // What is known of a shape must be possible, whatever the open dimensions become.
    private void CheckSize(string name, Dimension[] dimensions)
    {
        try
        {
            long elements = 8;
            foreach (Dimension dimension in dimensions)
            {
                elements = checked(elements * (dimension.IsKnown && dimension.Value > 0 ? dimension.Value : 1));
            }
        }
        catch (OverflowException exception)
        {
            throw new ModelFormatException(_path, $"'{name}' is declared with the impossible shape [{string.Join(',', dimensions.Take(Shape.MaximumRank))}].", exception);
        }

        if (dimensions.Length > Shape.MaximumRank)
        {
            throw new ModelFormatException(_path, $"'{name}' is declared with {dimensions.Length:N0} dimensions; at most {Shape.MaximumRank} are supported.");
        }
    }

    private void Count(long parts, string name)
    {
        _parts += parts;
        if (_parts > MaximumParts)
        {
            throw new ModelFormatException(_path, $"with graphs in nodes and functions that call functions there are more than {MaximumParts:N0} nodes and values; the last ones are of '{name}'.");
        }
    }

    private void CountName(long characters)
    {
        _nameCharacters += characters;
        if (_nameCharacters > MaximumNameCharacters)
        {
            throw new ModelFormatException(_path, $"the names of values in functions that call functions have more than {MaximumNameCharacters:N0} characters.");
        }
    }

    // The values of a graph, and those around it.
    private sealed record Names(Dictionary<string, Value> Own, Names? Outer)
    {
        public Value? Find(string name)
        {
            for (Names? names = this; names is not null; names = names.Outer)
            {
                if (names.Own.TryGetValue(name, out Value? value))
                {
                    return value;
                }
            }

            return null;
        }
    }

    // Where a node stands.
    // OperatorSets: the versions of operators that hold there. Attributes: those of the node that calls the function; null outside of one.
    // Prefix: what makes names of the function's values and nodes different from others. Depth: graphs and functions around it.
    private sealed record Scope(Dictionary<string, int> OperatorSets, Dictionary<string, object>? Attributes, string Prefix, int Depth)
    {
        // Inputs of the function that its caller leaves out.
        public HashSet<string> Omitted { get; init; } = [];
    }
}
