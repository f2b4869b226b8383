using OnnxStream.Interop.Graphs;

namespace OnnxStream.Interop.Onnx;

/// <summary>Reads ONNX files into graphs. https://onnx.ai/onnx/repo-docs/IR.html</summary>
internal sealed class OnnxReader
{
    private const int MaximumGraphDepth = 32;

    private readonly string _path;
    private readonly TensorReader _tensors;
    private readonly Dictionary<string, int> _operatorSets;

    private OnnxReader(string path, Dictionary<string, int> operatorSets)
    {
        _path = path;
        _tensors = new TensorReader(path);
        _operatorSets = operatorSets;
    }

    /// <summary>Reads a model.</summary>
    /// <exception cref="ModelFormatException">The file is not a valid ONNX model.</exception>
    public static Model Read(string path)
    {
        ModelProto model = OnnxScanner.Read(path);
        if (model.Graph is null)
        {
            throw new ModelFormatException(path, "not an ONNX model: it has no graph.");
        }

        Dictionary<string, int> operatorSets = [];
        foreach (OperatorSetIdProto set in model.OpsetImport)
        {
            // "ai.onnx" is another spelling of the default domain.
            operatorSets[set.Domain == "ai.onnx" ? "" : set.Domain] = (int)Math.Clamp(set.Version, 0, int.MaxValue);
        }

        Graph graph = new OnnxReader(path, operatorSets).ReadGraph(model.Graph, [], 0);
        return new Model(path, "ONNX", operatorSets.ToDictionary(pair => pair.Key, pair => (long)pair.Value), graph);
    }

    private Graph ReadGraph(GraphProto proto, Dictionary<string, Value> outer, int depth)
    {
        if (depth > MaximumGraphDepth)
        {
            throw new ModelFormatException(_path, $"graphs are nested more than {MaximumGraphDepth} deep.");
        }

        if (proto.SparseInitializer.Count > 0)
        {
            throw new ModelFormatException(_path, $"the graph '{proto.Name}' has sparse initializers, which are not supported.");
        }

        // All names first: nodes may stand in any order, and graphs inside of nodes read values of any node.
        Dictionary<string, Value> values = [];
        List<Value> inputs = [];
        foreach (TensorProto initializer in proto.Initializer)
        {
            Constant constant = _tensors.Read(initializer);
            if (!values.TryAdd(initializer.Name, new Value(initializer.Name) { Type = constant.Type, Constant = constant }))
            {
                throw new ModelFormatException(_path, $"the graph '{proto.Name}' has two initializers named '{initializer.Name}'.");
            }
        }

        foreach (ValueInfoProto input in proto.Input)
        {
            Value value = new(input.Name) { Declared = ReadDeclaration(input) };
            if (values.TryAdd(input.Name, value))
            {
                inputs.Add(value);
            }
            else if (values[input.Name].Constant is null)
            {
                throw new ModelFormatException(_path, $"the graph '{proto.Name}' has two inputs named '{input.Name}'.");
            }

            // Before IR version 4 initializers had to be listed as inputs too.
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

        Dictionary<string, Value> scope = values;
        if (outer.Count > 0)
        {
            scope = new(outer);
            foreach ((string name, Value value) in values)
            {
                scope[name] = value;
            }
        }

        List<Node> nodes = [.. proto.Node.Select(node => ReadNode(node, proto.Name, scope, depth))];
        List<Value> outputs = [];
        foreach (ValueInfoProto output in proto.Output)
        {
            Value value = scope.GetValueOrDefault(output.Name) ??
                throw new ModelFormatException(_path, $"the output '{output.Name}' of graph '{proto.Name}' is made by no node.");
            value.Declared ??= ReadDeclaration(output);
            outputs.Add(value);
        }

        Graph graph = new() { Name = proto.Name, Inputs = inputs, Outputs = outputs, Nodes = nodes };
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

    private Node ReadNode(NodeProto proto, string graph, Dictionary<string, Value> scope, int depth)
    {
        string domain = proto.Domain == "ai.onnx" ? "" : proto.Domain;
        if (!_operatorSets.TryGetValue(domain, out int operatorSet))
        {
            // Old writers leave the import of the default domain out.
            operatorSet = domain.Length == 0 ? 1 : throw new ModelFormatException(_path, $"the node '{proto.Name}' uses the operator {proto.OpType} of domain '{domain}', which the model does not import.");
        }

        Dictionary<string, object> attributes = [];
        foreach (AttributeProto attribute in proto.Attribute)
        {
            attributes[attribute.Name] = ReadAttribute(proto, attribute, scope, depth);
        }

        Value?[] inputs = [.. WithoutOmittedEnd(proto.Input).Select(name => name.Length == 0 ? null : scope.GetValueOrDefault(name) ??
            throw new ModelFormatException(_path, $"the value '{name}' is read by the {proto.OpType} node '{proto.Name}' in graph '{graph}', but made by no node, and neither an input nor an initializer."))];
        Value?[] outputs = [.. WithoutOmittedEnd(proto.Output).Select(name => name.Length == 0 ? null : scope[name])];
        return new Node(proto.OpType, domain, operatorSet, proto.Name, inputs, outputs, new Attributes(attributes));

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

    private object ReadAttribute(NodeProto node, AttributeProto attribute, Dictionary<string, Value> scope, int depth)
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
                return ReadGraph(attribute.G, scope, depth + 1);
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

    private ValueMetadata ReadDeclaration(ValueInfoProto proto)
    {
        TypeProto.Types.Tensor? tensor = proto.Type?.TensorType;
        if (tensor is null)
        {
            if (proto.Type is { ValueCase: not TypeProto.ValueOneofCase.None })
            {
                throw new ModelFormatException(_path, $"'{proto.Name}' is not a tensor but a {proto.Type.ValueCase}, which is not supported.");
            }

            return new ValueMetadata(proto.Name, ElementType.Undefined, null);
        }

        Dimension[]? dimensions = tensor.Shape is null ? null : [.. tensor.Shape.Dim.Select(dimension =>
            dimension.ValueCase == TensorShapeProto.Types.Dimension.ValueOneofCase.DimValue
                ? new Dimension(dimension.DimValue >= 0 ? dimension.DimValue : throw new ModelFormatException(_path, $"'{proto.Name}' is declared with the dimension {dimension.DimValue}."))
                : new Dimension(-1, dimension.DimParam.Length > 0 ? dimension.DimParam : null))];
        ElementType type = (ElementType)tensor.ElemType;
        return Enum.IsDefined(type) ? new ValueMetadata(proto.Name, type, dimensions) :
            throw new ModelFormatException(_path, $"'{proto.Name}' is declared with elements of the unknown type {tensor.ElemType}.");
    }
}
