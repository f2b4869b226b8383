using OnnxStream.Interop.Graphs;
using OnnxStream.Interop.Onnx;
using OnnxStream.Interop.Tensors;
using OnnxStream.Interop.Weights;

namespace OnnxStream.Interop.Text;

/// <summary>Reads OnnxStream folders: <c>model.txt</c> and one <c>.bin</c> file for each weight.</summary>
/// <remarks>
/// The format has no list of inputs and outputs: a tensor that no line makes is an input, one that no line reads is an output.
/// Lines stand in the order of execution. See <see cref="ModelText"/> for the grammar, <see cref="AttributeText"/> for
/// attributes, <see cref="ElementTypeInference"/> for the types of inputs. Weights in half precision and in 8 bits are computed
/// with in single precision.
/// </remarks>
internal sealed class OnnxStreamReader
{
    /// <summary>The name of the file that describes the graph.</summary>
    public const string FileName = "model.txt";

    /// <summary>What stands behind the name of a convolution's weight that lies as [N, C, space…].</summary>
    public const string ChannelsFirstSuffix = "_nchw";

    /// <summary>What stands behind the name of a convolution's weight that lies as [N, space…, C].</summary>
    public const string ChannelsLastSuffix = "_nhwc";

    /// <summary>What stands behind the name of a matrix that was transposed when the folder was written.</summary>
    public const string TransposedSuffix = "_transposed";

    /// <summary>What stands behind the name of every weight.</summary>
    public const string Extension = ".bin";

    /// <summary>
    /// The version of ONNX's operators that the lines mean: the newest in which ReduceMean has its axes as an attribute. Unsqueeze,
    /// Squeeze and Split have theirs as inputs (since 13), Trilu exists (since 14).
    /// </summary>
    public const int OperatorSet = 17;

    private readonly ModelEntry _entry;
    private readonly string _path;
    private readonly string _folder;
    private readonly Dictionary<string, WeightSource?> _sources = [];
    private readonly Dictionary<string, Value> _values = [];
    private readonly Dictionary<(string File, ElementType StoredType, Shape Shape), Value> _weights = [];
    private readonly Dictionary<string, string> _tensorNames = [];
    private readonly HashSet<string> _names = [];
    private readonly Dictionary<Value, (TextTensor Tensor, bool IsRead)> _mentions = [];
    private readonly List<(string File, TextPlace Place)> _missing = [];
    private readonly List<Value> _inputs = [];

    private OnnxStreamReader(ModelEntry entry)
    {
        _entry = entry;
        _path = entry.Id;
        _folder = entry.FolderId;
    }

    /// <summary>Reads a model.</summary>
    /// <param name="entry">The <c>model.txt</c>.</param>
    /// <exception cref="ModelFormatException">It is damaged, or a weight is missing or has another size.</exception>
    /// <exception cref="WeightsException">A file cannot be read.</exception>
    public static ModelContent Read(ModelEntry entry) => new OnnxStreamReader(entry).ReadModel();

    private ModelContent ReadModel()
    {
        List<TextNode> lines = ModelText.Read(_entry.Source);
        if (lines.Count == 0)
        {
            throw new ModelFormatException(_path, "line 1, column 1: expected at least one node, found nothing.");
        }

        // Weights give way where names are the same: those of inputs and outputs are what callers know.
        foreach (TextTensor? tensor in lines.SelectMany(line => line.Inputs.Concat(line.Outputs)))
        {
            if (tensor is { StoredType: ElementType.Undefined } && !_tensorNames.ContainsKey(tensor.Name))
            {
                _tensorNames.Add(tensor.Name, NewName(tensor.Name, TensorName.Unescape(tensor.Name)));
            }
        }

        List<Node> nodes = [.. lines.Select(ReadNode)];
        ReportMissing();
        Graph graph = new()
        {
            Name = Path.GetFileName(_folder),
            Inputs = _inputs,
            Nodes = nodes,
            Outputs = [.. nodes.SelectMany(node => node.Outputs).OfType<Value>().Where(value => !_mentions[value].IsRead)],
        };
        ElementTypeInference types = ElementTypeInference.Infer(graph);
        foreach (Value value in graph.Inputs.Concat(graph.Outputs))
        {
            value.Declared = Declare(value, types.Of(value));
        }

        return new ModelContent(_folder, "OnnxStream", new Dictionary<string, long> { [""] = OperatorSet }, graph);
    }

    private Node ReadNode(TextNode line)
    {
        Dictionary<string, object> attributes = [];
        foreach (TextAttribute attribute in line.Attributes)
        {
            object value = AttributeText.Parse(line.OperatorType, attribute.Key, attribute.Value) ??
                throw ModelText.Error(_path, attribute.Place, $"expected {AttributeText.Expected(line.OperatorType, attribute.Key)} for attribute '{attribute.Key}', found '{attribute.Value}'");

            // Folders are also made from models of other operator sets. What those say by default changes nothing.
            if (!AttributeTable.IsDefaultElsewhere("", line.OperatorType, OperatorSet, attribute.Key, value))
            {
                attributes.Add(attribute.Key, value);
            }
        }

        List<Value?> inputs = [.. line.Inputs.Select((tensor, i) =>
            tensor is null ? null : tensor.StoredType == ElementType.Undefined ? ReadValue(tensor) : ReadWeight(line, attributes, i, tensor))];
        List<Value?> outputs = [.. line.Outputs.Select(tensor => tensor is null ? null : DefineValue(tensor))];
        while (inputs.Count > 0 && inputs[^1] is null)
        {
            inputs.RemoveAt(inputs.Count - 1);
        }

        while (outputs[^1] is null)
        {
            outputs.RemoveAt(outputs.Count - 1);
        }

        return new Node(line.OperatorType, "", OperatorSet, line.Name, inputs, outputs, new Attributes(attributes));
    }

    private Value ReadValue(TextTensor tensor)
    {
        if (!_values.TryGetValue(tensor.Name, out Value? value))
        {
            value = new Value(_tensorNames[tensor.Name]);
            _values.Add(tensor.Name, value);
            _inputs.Add(value);
        }
        else if (value.Producer is null && _mentions[value].Tensor is { Dimensions.Count: > 0 } first && tensor.Dimensions.Count > 0 && !first.Dimensions.SequenceEqual(tensor.Dimensions))
        {
            throw ModelText.Error(_path, tensor.Place, $"expected the input '{tensor.Name}' with the shape ({Listing.Of(first.Dimensions)}) as in line {first.Place.Line}, found ({Listing.Of(tensor.Dimensions)})");
        }

        // Of an input, the mention that says most counts.
        bool isFirst = !_mentions.TryGetValue(value, out (TextTensor Tensor, bool IsRead) mention);
        _mentions[value] = (isFirst || (value.Producer is null && mention.Tensor.Dimensions.Count == 0) ? tensor : mention.Tensor, true);
        return value;
    }

    private Value DefineValue(TextTensor tensor)
    {
        if (_values.TryGetValue(tensor.Name, out Value? other))
        {
            int line = _mentions[other].Tensor.Place.Line;
            throw ModelText.Error(_path, tensor.Place, _inputs.Contains(other)
                ? $"expected '{tensor.Name}' to be made before it is read in line {line}: lines stand in the order of execution"
                : $"expected a new name for an output, found '{tensor.Name}', which line {line} makes already");
        }

        Value value = new(_tensorNames[tensor.Name]);
        _values.Add(tensor.Name, value);
        _mentions.Add(value, (tensor, false));
        return value;
    }

    private Value ReadWeight(TextNode line, Dictionary<string, object> attributes, int input, TextTensor tensor)
    {
        if (tensor.Name.AsSpan().ContainsAny("/\\:\0") || tensor.Name is "." or "..")
        {
            throw ModelText.Error(_path, tensor.Place, $"expected the name of a file in the model's folder, found '{tensor.Name}'");
        }

        Shape shape = ReadShape(tensor);
        if (line.OperatorType == "Conv" && input < 2 && shape.Rank == 4 && shape[3] == 1 && IsOneDimensional(line, attributes))
        {
            // A kernel of one dimension is written with a second one of size 1.
            shape = new Shape(shape.Dimensions[..3]);
        }

        if (_weights.TryGetValue((tensor.Name, tensor.StoredType, shape), out Value? value))
        {
            return value;
        }

        (WeightSource? file, bool isChannelsLast) = FindFile(line, input, tensor);
        value = new Value(NewName(tensor.Name, WeightName(tensor.Name)));
        _weights.Add((tensor.Name, tensor.StoredType, shape), value);
        if (file is not null)
        {
            value.Constant = ReadConstant(tensor, value.Name, shape, file, isChannelsLast);
            value.Type = value.Constant.Type;
        }
        else
        {
            _missing.Add((tensor.Name, tensor.Place));
        }

        return value;
    }

    private Shape ReadShape(TextTensor tensor)
    {
        try
        {
            Shape shape = new([.. tensor.Dimensions]);
            _ = new TensorType(ElementType.Float64, shape).ByteLength;
            return shape;
        }
        catch (OverflowException)
        {
            throw ModelText.Error(_path, tensor.Place, $"expected a shape whose elements can be counted, found ({Listing.Of(tensor.Dimensions)})");
        }
    }

    private static bool IsOneDimensional(TextNode line, Dictionary<string, object> attributes) =>
        attributes.GetValueOrDefault("kernel_shape") is long[] kernel ? kernel.Length == 1 :
        attributes.GetValueOrDefault("strides") is long[] strides ? strides.Length == 1 :
        line.Inputs[0] is { StoredType: ElementType.Undefined, Dimensions.Count: 3 };

    private (WeightSource? File, bool IsChannelsLast) FindFile(TextNode line, int input, TextTensor tensor)
    {
        WeightSource? file = Find(tensor.Name);
        if (line.OperatorType != "Conv" || input > 1 || !tensor.Name.EndsWith(ChannelsFirstSuffix + Extension, StringComparison.Ordinal) || file is not null)
        {
            return (file, false);
        }

        // Model.txt names the file that the original never opens; folders without it are complete.
        return (Find(tensor.Name[..^(ChannelsFirstSuffix.Length + Extension.Length)] + ChannelsLastSuffix + Extension), true);
    }

    private WeightSource? Find(string name)
    {
        if (!_sources.TryGetValue(name, out WeightSource? source))
        {
            source = _entry.Find(name);
            _sources.Add(name, source);
        }

        return source;
    }

    private Constant ReadConstant(TextTensor tensor, string name, Shape shape, WeightSource file, bool isChannelsLast)
    {
        ElementType type = tensor.StoredType == ElementType.Int64 ? ElementType.Int64 : ElementType.Float32;
        long length = new TensorType(tensor.StoredType, shape).ByteLength;
        long found = file.CheckedLength();
        if (found != length)
        {
            throw new ModelFormatException(file.Id, $"expected {length:N0} bytes for {tensor.StoredType.ToOnnxName()} of shape {shape} (line {tensor.Place.Line}, column {tensor.Place.Column} of {FileName}), found {found:N0}. The file is truncated or belongs to another model.{ForeignFile.Pointer(file)}");
        }

        WeightRange location = new(name, file, 0, length);
        WeightQuantization? quantization = tensor.StoredType == ElementType.UInt8 ? WeightQuantization.OfAll(tensor.Scale, tensor.ZeroPoint, shape.ElementCount) : null;
        Constant constant = isChannelsLast
            ? Constant.FromChannelsLastLocation(new TensorType(type, shape), tensor.StoredType, location, quantization)
            : Constant.FromLocation(new TensorType(type, shape), tensor.StoredType, location, quantization);
        return length > OnnxScanner.InlineLimitBytes ? constant : Constant.FromData(constant.Type, WeightCopier.ToBytes(constant, type));
    }

    private void ReportMissing()
    {
        if (_missing.Count == 0)
        {
            return;
        }

        const int Listed = 10;
        string list = string.Join(", ", _missing.Take(Listed).Select(missing => $"'{missing.File}' (line {missing.Place.Line}, column {missing.Place.Column})"));
        throw new ModelFormatException(_path, $"expected the file of every weight in '{_folder}', found {_missing.Count} missing: {list}{(_missing.Count > Listed ? ", …" : "")}. Download or copy the folder again.");
    }

    private static ValueMetadata Declare(Value value, ElementType type, IReadOnlyList<long> dimensions) =>
        new(value.Name, type, dimensions.Count == 0 ? null : [.. dimensions.Select(dimension => new Dimension(dimension == 0 ? -1 : dimension))]);

    private ValueMetadata Declare(Value value, ElementType type)
    {
        TextTensor tensor = _mentions[value].Tensor;
        ValueMetadata declared = Declare(value, type, tensor.Dimensions);
        return declared.IsCountable ? declared : throw ModelText.Error(_path, tensor.Place, $"expected a shape whose elements can be counted, found ({Listing.Of(tensor.Dimensions)})");
    }

    // Without the suffix of the layout, which is none of the name; a transposed matrix is another tensor than the one it was made of.
    private static string WeightName(string file)
    {
        string name = file.EndsWith(Extension, StringComparison.Ordinal) ? file[..^Extension.Length] : file;
        return name.EndsWith(ChannelsFirstSuffix, StringComparison.Ordinal) ? TensorName.Unescape(name[..^ChannelsFirstSuffix.Length]) :
            name.EndsWith(TransposedSuffix, StringComparison.Ordinal) ? TensorName.Unescape(name[..^TransposedSuffix.Length]) + TransposedSuffix :
            TensorName.Unescape(name);
    }

    private string NewName(string spelling, string name)
    {
        // Names written by hand may be what others are unescaped to.
        while (!_names.Add(name))
        {
            name = name == spelling ? $"{name}'" : spelling;
            spelling = name;
        }

        return name;
    }
}
