using System.Globalization;
using System.Text;
using OnnxStream.Interop.Weights;

namespace OnnxStream.Interop.Text;

/// <summary>The grammar of <c>model.txt</c>: one node per line, <c>name:operator*input:tensors*output:tensors*attributes</c>.</summary>
/// <remarks>
/// <code>
/// line       = name ":" operator "*input:" tensors "*output:" tensors [ "*" attributes ]
/// tensors    = tensor { ";" tensor }                       an empty tensor is an optional one that is left out
/// tensor     = name "(" [ type ":" ] [ dimension { "," dimension } ] ")"
/// type       = "float32" | "float16" | "int64" | "uint8[" scale "," zero "]"
/// attributes = key ":" value { ";" key ":" value }         lists are separated by commas
/// </code>
/// A tensor with a type is a weight, and its name the name of its file. Without dimensions a tensor is a scalar, or its shape
/// is not known; a dimension of 0 is not known. Lines are separated by any run of line ends.
/// </remarks>
internal sealed class ModelText
{
    // Names and shapes of the largest models take some megabytes.
    private const long MaximumBytes = 64 << 20;

    // A few characters become an object of a hundred bytes: more than this is an attack, not a model.
    private const int MaximumTensors = 2_000_000;

    private const int MaximumValue = 1 << 20;

    private readonly string _path;
    private readonly string _line;
    private readonly int _number;

    private ModelText(string path, string line, int number)
    {
        _path = path;
        _line = line;
        _number = number;
    }

    /// <summary>The nodes of a file, in its order.</summary>
    /// <exception cref="ModelFormatException">The file does not follow the grammar.</exception>
    /// <exception cref="WeightsException">The source cannot be read.</exception>
    public static List<TextNode> Read(WeightSource source)
    {
        const int BufferBytes = 64 << 10;
        string path = source.Id;
        if (source.CheckedLength() == 0)
        {
            throw Error(path, new TextPlace(1, 1), "expected at least one node, found nothing: the file is empty. If it is a pipe or a device, write what comes out of it into a file");
        }

        using Stream file = source.OpenChecked();
        if (file.Length > MaximumBytes)
        {
            throw new ModelFormatException(path, $"the file has {file.Length:N0} bytes; the description of a model has at most {MaximumBytes:N0}.");
        }

        List<TextNode> nodes = [];
        using StreamReader reader = new(file, new UTF8Encoding(false, throwOnInvalidBytes: true), detectEncodingFromByteOrderMarks: true, BufferBytes);
        int number = 0;
        long tensors = 0;
        try
        {
            while (reader.ReadLine() is { } line)
            {
                number++;
                if (line.Length > 0)
                {
                    tensors += line.AsSpan().Count(';') + 2;
                    if (tensors > MaximumTensors)
                    {
                        throw Error(path, new TextPlace(number, 1), $"expected at most {MaximumTensors:N0} tensors and attributes, found more");
                    }

                    nodes.Add(new ModelText(path, line, number).ParseLine());
                }
            }
        }
        catch (DecoderFallbackException exception)
        {
            throw new ModelFormatException(path, $"line {number + 1} or later: the file is not text in UTF-8: {exception.Message}.{ForeignFile.Sentence(source)}", exception);
        }
        catch (ModelFormatException exception) when (nodes.Count == 0 && ForeignFile.Describe(source) is { } other)
        {
            throw new ModelFormatException(path, $"{exception.Message[(path.Length + 2)..]} {other}", exception);
        }
        catch (IOException exception)
        {
            throw new WeightsException($"{path}: cannot be read: {exception.Message}", exception);
        }

        return nodes;
    }

    /// <summary>An exception that names a place in the file.</summary>
    /// <param name="path">The file.</param>
    /// <param name="place">The place.</param>
    /// <param name="problem">What was expected there and what was found.</param>
    public static ModelFormatException Error(string path, TextPlace place, string problem) =>
        new(path, $"line {place.Line}, column {place.Column}: {problem}.");

    private TextNode ParseLine()
    {
        List<Range> fields = Split(.., '*');
        if (fields.Count is not (3 or 4))
        {
            throw Error(0, $"expected the fields 'name:operator*input:…*output:…' and perhaps attributes, separated by '*', found {fields.Count} field(s)");
        }

        // The original's converter writes names with colons although its reader refuses them; no operator's name has one.
        string head = _line[fields[0]];
        int colon = head.LastIndexOf(':');
        if (colon < 0)
        {
            throw Error(0, $"expected 'name:operator', found '{Shorten(head)}'");
        }

        if (colon == head.Length - 1)
        {
            throw Error(colon + 1, "expected the name of an operator behind ':', found nothing");
        }

        List<TextTensor?> inputs = ParseTensors(fields[1], "input:");
        List<TextTensor?> outputs = ParseTensors(fields[2], "output:");
        if (outputs.All(output => output is null))
        {
            throw Error(Start(fields[2]), "expected at least one output, found none");
        }

        foreach (TextTensor? output in outputs)
        {
            if (output is { StoredType: not ElementType.Undefined })
            {
                throw ModelText.Error(_path, output.Place, $"expected the name and shape of an output, found the type of a weight: '{output.Name}' would be overwritten");
            }
        }

        List<TextAttribute> attributes = fields.Count == 4 ? ParseAttributes(fields[3]) : [];
        return new TextNode(Place(0), head[..colon], head[(colon + 1)..], inputs, outputs, attributes);
    }

    private List<TextTensor?> ParseTensors(Range field, string prefix)
    {
        if (!_line.AsSpan(field).StartsWith(prefix, StringComparison.Ordinal))
        {
            throw Error(Start(field), $"expected '{prefix}', found '{Shorten(_line[field])}'");
        }

        List<TextTensor?> tensors = [];
        foreach (Range range in Split((Start(field) + prefix.Length)..field.End.Value, ';'))
        {
            tensors.Add(range.Start.Value == range.End.Value ? null : ParseTensor(range));
        }

        return tensors;
    }

    private TextTensor ParseTensor(Range range)
    {
        int start = Start(range);
        string text = _line[range];
        int open = text.IndexOf('(', StringComparison.Ordinal);
        if (open < 0)
        {
            throw Error(start, $"expected a tensor as 'name(shape)', found '{Shorten(text)}' without '('");
        }

        if (text.IndexOf('(', open + 1) is int second and >= 0)
        {
            throw Error(start + second, $"expected one '(' in a tensor, found a second one in '{Shorten(text)}'");
        }

        if (text[^1] != ')')
        {
            throw Error(start + text.Length - 1, $"expected ')' at the end of the tensor '{Shorten(text)}', found '{text[^1]}'");
        }

        if (open == 0)
        {
            throw Error(start, $"expected the name of a tensor, found '{Shorten(text)}'");
        }

        string name = text[..open];
        (ElementType type, float scale, int zeroPoint) = (ElementType.Undefined, 0f, 0);
        int shapeStart = open + 1;
        int colon = text.IndexOf(':', open);
        if (colon >= 0)
        {
            (type, scale, zeroPoint) = ParseType(text[(open + 1)..colon], start + open + 1);
            shapeStart = colon + 1;
        }

        long[] dimensions = ParseShape(text[shapeStart..^1], start + shapeStart);
        return new TextTensor(Place(start), name, type, scale, zeroPoint, dimensions);
    }

    private (ElementType Type, float Scale, int ZeroPoint) ParseType(string text, int start)
    {
        switch (text)
        {
            case "float32":
                return (ElementType.Float32, 0, 0);
            case "float16":
                return (ElementType.Float16, 0, 0);
            case "int64":
                return (ElementType.Int64, 0, 0);
        }

        if (!text.StartsWith("uint8[", StringComparison.Ordinal) || text[^1] != ']')
        {
            throw Error(start, $"expected one of the types float32, float16, int64, uint8[scale,zero], found '{Shorten(text)}'");
        }

        string[] parts = text["uint8[".Length..^1].Split(',');
        if (parts.Length != 2)
        {
            throw Error(start, $"expected a scale and a zero point as in uint8[0.5,128], found '{Shorten(text)}'");
        }

        if (!float.TryParse(parts[0], NumberStyles.Float, CultureInfo.InvariantCulture, out float scale) || !float.IsFinite(scale) || scale < 0)
        {
            throw Error(start + "uint8[".Length, $"expected a scale that is not negative, found '{Shorten(parts[0])}'");
        }

        if (!byte.TryParse(parts[1], NumberStyles.None, CultureInfo.InvariantCulture, out byte zero))
        {
            throw Error(start + "uint8[".Length + parts[0].Length + 1, $"expected a zero point from 0 to 255, found '{Shorten(parts[1])}'");
        }

        return (ElementType.UInt8, scale, zero);
    }

    private long[] ParseShape(string text, int start)
    {
        if (text.Length == 0)
        {
            return [];
        }

        if (text.AsSpan().Count(',') >= Shape.MaximumRank)
        {
            throw Error(start, $"expected at most {Shape.MaximumRank} dimensions, found more");
        }

        List<long> dimensions = [];
        foreach (string part in text.Split(','))
        {
            if (!long.TryParse(part, NumberStyles.None, CultureInfo.InvariantCulture, out long dimension))
            {
                throw Error(start, $"expected a dimension that is not negative, found '{Shorten(part)}'");
            }

            dimensions.Add(dimension);
            start += part.Length + 1;
        }

        return [.. dimensions];
    }

    private List<TextAttribute> ParseAttributes(Range field)
    {
        List<TextAttribute> attributes = [];
        HashSet<string> keys = [];
        if (field.Start.Value == field.End.Value)
        {
            return attributes;
        }

        foreach (Range range in Split(field, ';'))
        {
            string text = _line[range];
            int colon = text.IndexOf(':', StringComparison.Ordinal);
            if (colon <= 0)
            {
                throw Error(Start(range), $"expected an attribute as 'key:value', found '{Shorten(text)}'");
            }

            string value = text[(colon + 1)..];
            if (value.Length > MaximumValue)
            {
                throw Error(Start(range) + colon + 1, $"expected at most {MaximumValue:N0} characters for attribute '{Shorten(text[..colon])}', found {value.Length:N0}");
            }

            if (value.Contains(':', StringComparison.Ordinal))
            {
                throw Error(Start(range) + colon + 1, $"expected the value of attribute '{Shorten(text[..colon])}' without ':', found '{Shorten(value)}'");
            }

            if (!keys.Add(text[..colon]))
            {
                throw Error(Start(range), $"expected every attribute once, found '{Shorten(text[..colon])}' a second time");
            }

            attributes.Add(new TextAttribute(Place(Start(range)), text[..colon], value));
        }

        return attributes;
    }

    private List<Range> Split(Range range, char separator)
    {
        (int start, int length) = range.GetOffsetAndLength(_line.Length);
        int end = start + length;
        List<Range> parts = [];
        for (int next = start; ; start = next + 1)
        {
            next = _line.IndexOf(separator, start, end - start);
            if (next < 0)
            {
                parts.Add(start..end);
                return parts;
            }

            parts.Add(start..next);
        }
    }

    private static int Start(Range range) => range.Start.Value;

    private TextPlace Place(int index) => new(_number, index + 1);

    private ModelFormatException Error(int index, string problem) => Error(_path, Place(index), problem);

    private static string Shorten(string text) => text.Length <= 60 ? text : $"{text[..57]}…";
}

/// <summary>A place in <c>model.txt</c>; both numbers start at 1.</summary>
internal readonly record struct TextPlace(int Line, int Column);

/// <summary>A line.</summary>
internal sealed record TextNode(TextPlace Place, string Name, string OperatorType, IReadOnlyList<TextTensor?> Inputs, IReadOnlyList<TextTensor?> Outputs, IReadOnlyList<TextAttribute> Attributes);

/// <summary>A tensor of a line.</summary>
/// <param name="Place">Where it stands.</param>
/// <param name="Name">The name as it is spelled.</param>
/// <param name="StoredType">The type of the elements of a weight's file; <see cref="ElementType.Undefined"/> for a tensor that is no weight.</param>
/// <param name="Scale">The scale of 8-bit weights.</param>
/// <param name="ZeroPoint">The zero point of 8-bit weights.</param>
/// <param name="Dimensions">The dimensions.</param>
internal sealed record TextTensor(TextPlace Place, string Name, ElementType StoredType, float Scale, int ZeroPoint, IReadOnlyList<long> Dimensions);

/// <summary>An attribute of a line.</summary>
internal sealed record TextAttribute(TextPlace Place, string Key, string Value);
