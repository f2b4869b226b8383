using System.Text;
using OnnxStream.Interop.Graphs;
using OnnxStream.Interop.Onnx;
using OnnxStream.Interop.Tensors;

namespace OnnxStream.Interop.Text;

/// <summary>Writes OnnxStream folders that this library and the original read, following the conventions of the original's converter.</summary>
/// <remarks>
/// In this order: rewrite a graph whose shapes are known into what the format can express (<see cref="OnnxStreamDialect"/>), write the weights piece by piece, write the lines. The original runs the result as far as
/// it knows the operators.
/// </remarks>
internal sealed class OnnxStreamWriter
{
    // File systems allow 255 bytes.
    private const int LongestName = 200;

    private readonly string _folder;
    private readonly bool _halfPrecision;
    private readonly OnnxStreamDialect _dialect;
    private readonly Dictionary<Value, string> _weights = [];
    private readonly Dictionary<string, string> _smallWeights = [];
    private readonly HashSet<string> _files = new(StringComparer.OrdinalIgnoreCase);
    private readonly HashSet<string> _nodeNames = [];

    private OnnxStreamWriter(string folder, bool halfPrecision, OnnxStreamDialect dialect)
    {
        _folder = folder;
        _halfPrecision = halfPrecision;
        _dialect = dialect;
    }

    /// <summary>Writes a model. The folder appears only when it is complete.</summary>
    /// <param name="surveyed">The model's graph, in which every value declares what is known of it.</param>
    /// <param name="folder">The folder; it must not exist or be empty.</param>
    /// <param name="halfPrecision">Whether large single-precision weights are written in half precision, unless numbers would become infinite.</param>
    public static void Write(Graph surveyed, string folder, bool halfPrecision)
    {
        folder = Path.TrimEndingDirectorySeparator(Path.GetFullPath(folder));
        if (File.Exists(folder) || (Directory.Exists(folder) && Directory.EnumerateFileSystemEntries(folder).Any()))
        {
            throw new IOException($"'{folder}' exists and is not an empty folder. Choose another one, or delete it first.");
        }

        OnnxStreamDialect dialect = OnnxStreamDialect.Rewrite(surveyed);
        string partial = $"{folder}.{Path.GetRandomFileName()}.partial";
        using UnfinishedPath unfinished = new(partial);
        Directory.CreateDirectory(partial);
        new OnnxStreamWriter(partial, halfPrecision, dialect).Write();
        if (Directory.Exists(folder))
        {
            Directory.Delete(folder);
        }

        Directory.Move(partial, folder);
    }

    private void Write()
    {
        using StreamWriter text = new(Path.Combine(_folder, OnnxStreamReader.FileName), append: false, new UTF8Encoding(false)) { NewLine = "\n" };
        foreach (Node node in _dialect.Graph.Nodes)
        {
            text.Write($"{NodeName(node)}:{node.OperatorType}*input:{string.Join(';', node.Inputs.Select(Tensor))}*output:{string.Join(';', node.Outputs.Select(Tensor))}");
            if (node.Attributes.All.Count > 0)
            {
                text.Write($"*{string.Join(';', node.Attributes.All.Select(attribute => $"{attribute.Key}:{AttributeText.Format(node.OperatorType, attribute.Key, attribute.Value)}"))}");
            }

            text.WriteLine();
        }
    }

    private string NodeName(Node node)
    {
        // The original keeps state by the name of the node.
        string name = string.Create(node.Name.Length, node.Name, (characters, source) =>
        {
            for (int i = 0; i < characters.Length; i++)
            {
                characters[i] = source[i] is '*' or ':' or '\r' or '\n' ? '_' : source[i];
            }
        });
        string unique = name;
        for (int i = 2; name.Length > 0 && !_nodeNames.Add(unique); i++)
        {
            unique = $"{name}_{i}";
        }

        return unique;
    }

    private string Tensor(Value? value)
    {
        if (value is null)
        {
            return "";
        }

        if (value.Constant is null)
        {
            return $"{TensorName.Escape(value.Name)}({Listing.Of(value.Declared?.Dimensions?.Select(dimension => dimension.IsKnown ? dimension.Value : 0) ?? [])})";
        }

        if (!_weights.TryGetValue(value, out string? text))
        {
            // Graphs are full of the same few axes and shapes: one file serves all.
            Constant constant = value.Constant;
            string? content = constant.Data is { Length: <= OnnxScanner.InlineLimitBytes } data && _dialect.FormOf(value) == WeightForm.Plain ? $"{constant.Type}:{Convert.ToHexString(data)}" : null;
            text = content is not null && _smallWeights.TryGetValue(content, out string? same) ? same : WriteWeight(value.Name, constant, _dialect.FormOf(value));
            _weights.Add(value, text);
            if (content is not null)
            {
                _smallWeights[content] = text;
            }
        }

        return text;
    }

    private string WriteWeight(string name, Constant constant, WeightForm form)
    {
        ElementType type = StoredType(constant);
        long[] shape = constant.Type.Shape.ToArray();
        string suffix = form switch
        {
            WeightForm.Plain => "",
            WeightForm.Transposed => OnnxStreamReader.TransposedSuffix,
            _ => OnnxStreamReader.ChannelsFirstSuffix,
        };
        string stem = FileStem(name, suffix);
        switch (form)
        {
            case WeightForm.Plain:
                type = WriteFile(stem + suffix, type, constant, WeightCopier.Copy);
                break;
            case WeightForm.Transposed:
                type = WriteFile(stem + suffix, type, constant, WeightCopier.CopyTransposedMatrix);
                Array.Reverse(shape);
                break;
            default:
                type = WriteFile(stem + suffix, type, constant, WeightCopier.Copy);
                WriteFile(stem + OnnxStreamReader.ChannelsLastSuffix, type, constant, WeightCopier.CopyChannelsLast);
                shape = shape.Length == 3 ? [.. shape, 1] : shape;
                break;
        }

        string typeText = type switch
        {
            ElementType.Float32 => "float32",
            ElementType.Float16 => "float16",
            ElementType.Int64 => "int64",
            _ when constant.Quantization?.TryReadScalar() is (var scale, var zeroPoint) => $"uint8[{scale:R},{zeroPoint}]",
            _ => throw new InvalidOperationException($"Weights of {type} are not written."),
        };
        return $"{stem}{suffix}{OnnxStreamReader.Extension}({typeText}:{Listing.Of(shape)})";
    }

    private ElementType StoredType(Constant constant) =>
        constant.Quantization is not null || constant.Location is not null && constant.StoredType == ElementType.Float16 ? constant.StoredType :
        !constant.Type.ElementType.IsFloat() ? ElementType.Int64 :
        _halfPrecision && constant.Type.ByteLength > OnnxScanner.InlineLimitBytes ? ElementType.Float16 :
        ElementType.Float32;

    private ElementType WriteFile(string stem, ElementType type, Constant constant, Func<Constant, ElementType, Stream, bool> copy)
    {
        using FileStream file = new(Path.Combine(_folder, stem + OnnxStreamReader.Extension), FileMode.CreateNew, FileAccess.ReadWrite);
        if (copy(constant, type, file))
        {
            return type;
        }

        // Half precision ends at 65504; masks are made of larger numbers.
        file.SetLength(0);
        copy(constant, ElementType.Float32, file);
        return ElementType.Float32;
    }

    private string FileStem(string name, string suffix)
    {
        string escaped = TensorName.Escape(name);
        if (escaped.Length > LongestName)
        {
            escaped = $"weight{_files.Count}";
        }

        // Some file systems take upper and lower case as the same.
        string stem = escaped;
        for (int i = 2; !_files.Add(stem + suffix); i++)
        {
            stem = $"{escaped}x{i}";
        }

        return stem;
    }
}
