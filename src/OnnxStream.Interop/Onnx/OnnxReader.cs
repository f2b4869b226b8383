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

        Dictionary<string, Value> values = [];
        List<Value> inputs = [];
        foreach (TensorProto initializer in proto.Initializer)
        {
            Constant constant = _tensors.Read(initializer);
            Value value = new(initializer.Name) { Type = constant.Type, Constant = constant };
            if (!values.TryAdd(initializer.Name, value))
            {
                throw new ModelFormatException(_path, $"the graph '{proto.Name}' has two initializers named '{initializer.Name}'.");
            }
        }

        foreach (ValueInfoProto input in proto.Input)
        {
            // Before IR version 4 initializers had to be listed as inputs too.
            if (!values.ContainsKey(input.Name))
            {
                Value value = new(input.Name) { Declared = ReadDeclaration(input) };
                values.Add(input.Name, value);
                inputs.Add(value);
            }
        }

        List<Node> nodes = new(proto.Node.Count);
        foreach (NodeProto nodeProto in proto.Node)
        {
            nodes.Add(ReadNode(nodeProto, values, outer, depth));
        }

        List<Value> outputs = [];
        foreach (ValueInfoProto output in proto.Output)
        {
            Value value = values.TryGetValue(output.Name, out Value? found) || outer.TryGetValue(output.Name, out found) ? found :
                throw new ModelFormatException(_path, $"the output '{output.Name}' of graph '{proto.Name}' is made by no node.");
            value.Declared ??= ReadDeclaration(output);
            outputs.Add(value);
        }

        foreach (Value value in values.Values)
        {
            if (value.Producer is null && value.Constant is null && !inputs.Contains(value) && !outer.ContainsValue(value))
            {
                throw new ModelFormatException(_path, $"the value '{value.Name}' in graph '{proto.Name}' is read but made by no node, and neither an input nor an initializer.");
            }
        }

        Graph graph = new() { Name = proto.Name, Inputs = inputs, Outputs = outputs, Nodes = nodes };
        graph.SortTopologically();
        return graph;
    }

    private Node ReadNode(NodeProto proto, Dictionary<string, Value> values, Dictionary<string, Value> outer, int depth)
    {
        string domain = proto.Domain == "ai.onnx" ? "" : proto.Domain;
        if (!_operatorSets.TryGetValue(domain, out int operatorSet))
        {
            // Old writers leave the import of the default domain out.
            operatorSet = domain.Length == 0 ? 1 : throw new ModelFormatException(_path, $"the node '{proto.Name}' uses the operator {proto.OpType} of domain '{domain}', which the model does not import.");
        }

        List<Value?> inputs = [.. proto.Input.Select(name => name.Length == 0 ? null : Get(name))];
        Dictionary<string, object> attributes = [];
        Dictionary<string, Value>? scope = null;
        foreach (AttributeProto attribute in proto.Attribute)
        {
            if (attribute.G is not null && scope is null)
            {
                scope = new(outer);
                foreach ((string name, Value value) in values)
                {
                    scope[name] = value;
                }
            }

            attributes[attribute.Name] = ReadAttribute(proto, attribute, scope ?? outer, depth);
        }

        List<Value?> outputs = [.. proto.Output.Select(name => name.Length == 0 ? null : Define(name))];
        while (outputs.Count > 0 && outputs[^1] is null)
        {
            outputs.RemoveAt(outputs.Count - 1);
        }

        while (inputs.Count > 0 && inputs[^1] is null)
        {
            inputs.RemoveAt(inputs.Count - 1);
        }

        return new Node(proto.OpType, domain, operatorSet, proto.Name, inputs, outputs, new Attributes(attributes));

        // Nodes may stand in any order, so that a value may be read before its producer is seen.
        Value Get(string name)
        {
            if (!values.TryGetValue(name, out Value? value) && !outer.TryGetValue(name, out value))
            {
                values.Add(name, value = new Value(name));
            }

            return value;
        }

        Value Define(string name)
        {
            if (!values.TryGetValue(name, out Value? value))
            {
                values.Add(name, value = new Value(name));
            }
            else if (value.Producer is not null || value.Constant is not null || value.Declared is not null)
            {
                throw new ModelFormatException(_path, $"the value '{name}' is made twice, the second time by the {proto.OpType} node '{proto.Name}'.");
            }

            return value;
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
        return new ValueMetadata(proto.Name, (ElementType)tensor.ElemType, dimensions);
    }
}
