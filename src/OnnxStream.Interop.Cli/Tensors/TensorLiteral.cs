using System.Globalization;
using System.Numerics;
using System.Runtime.InteropServices;

namespace OnnxStream.Interop.Cli.Tensors;

/// <summary>Tensors that are written out on the command line: a number (<c>3</c>, <c>true</c>, <c>1.5e-3</c>) or nested lists of numbers (<c>[[1,2],[3,4]]</c>).</summary>
internal sealed class TensorLiteral
{
    private const int DeepestList = 16;

    private readonly string _text;
    private readonly List<string> _numbers = [];
    private readonly List<long> _lengths = [];
    private int _position;

    private TensorLiteral(string text) => _text = text;

    /// <summary>Whether a text is meant to be a list or a number.</summary>
    public static bool IsOne(string text) => text.StartsWith('[') || IsNumber(text.Trim());

    /// <summary>Makes the tensor of a list, in the shape that the list has, or that its input declares where the list leaves no doubt.</summary>
    /// <param name="text">The list.</param>
    /// <param name="input">The input that it is for.</param>
    /// <exception cref="UsageException">It is no list, or has something that the input's elements cannot be.</exception>
    public static TensorBuffer Parse(string text, ValueMetadata input)
    {
        TensorLiteral literal = new(text);
        literal.ReadList(0);
        literal.SkipSpaces();
        if (literal._position < text.Length)
        {
            throw literal.Wrong("nothing may follow the list");
        }

        long[] shape = Shape(literal._lengths, literal._numbers.Count, input.Dimensions);
        TensorBuffer tensor = new(input.ElementType, new Shape(shape));
        int size = input.ElementType.SizeOf();
        for (int i = 0; i < literal._numbers.Count; i++)
        {
            Encode(literal._numbers[i], input, tensor.Bytes.Slice(i * size, size));
        }

        return tensor;
    }

    /// <summary>Sets all elements of a tensor to one number.</summary>
    /// <exception cref="UsageException">The elements cannot be that number.</exception>
    public static void Fill(TensorBuffer tensor, string number, ValueMetadata input)
    {
        Span<byte> element = stackalloc byte[sizeof(double)];
        element = element[..tensor.ElementType.SizeOf()];
        Encode(number.Trim(), input, element);
        for (int i = 0; i < tensor.Bytes.Length; i += element.Length)
        {
            element.CopyTo(tensor.Bytes[i..]);
        }
    }

    private static bool IsNumber(string text) =>
        text is "true" or "false" or "True" or "False" || double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out _) || Float(text) is not null;

    // A list is for the last dimensions: those before, batches mostly, are one long. A plain list of all elements fills any shape.
    private static long[] Shape(List<long> lengths, int count, IReadOnlyList<Dimension>? declared)
    {
        if (declared is null || declared.Count <= lengths.Count)
        {
            return [.. lengths];
        }

        Int128 elements = 1;
        foreach (Dimension dimension in declared)
        {
            elements = dimension.IsKnown ? Int128.Min(elements, long.MaxValue) * dimension.Value : -1;
            if (elements < 0)
            {
                break;
            }
        }

        if (lengths.Count == 1 && elements == count)
        {
            return [.. declared.Select(dimension => dimension.Value)];
        }

        int missing = declared.Count - lengths.Count;
        return declared.Take(missing).All(dimension => !dimension.IsKnown || dimension.Value == 1) ? [.. Enumerable.Repeat(1L, missing), .. lengths] : [.. lengths];
    }

    private void ReadList(int depth)
    {
        SkipSpaces();
        if (depth > DeepestList)
        {
            throw Wrong($"lists are nested more than {DeepestList} deep");
        }

        _position++;
        bool isNew = _lengths.Count == depth;
        if (isNew)
        {
            _lengths.Add(-1);
        }

        long length = 0;
        SkipSpaces();
        bool isEmpty = Peek() == ']';
        while (!isEmpty)
        {
            SkipSpaces();
            if (Peek() == '[')
            {
                if (_lengths.Count == depth + 1 && _numbers.Count > 0)
                {
                    throw Wrong("a list holds numbers or lists, not both");
                }

                ReadList(depth + 1);
            }
            else
            {
                ReadNumber(depth);
            }

            length++;
            SkipSpaces();
            if (Peek() == ']')
            {
                break;
            }

            if (Peek() != ',')
            {
                throw Wrong(_position < _text.Length ? $"expected ',' or ']', found '{Peek()}'" : "it ends before its last ']'");
            }

            _position++;
        }

        _position++;
        if (_lengths[depth] >= 0 && _lengths[depth] != length)
        {
            throw Wrong($"lists side by side must be of one length; these have {_lengths[depth]} and {length}");
        }

        _lengths[depth] = length;
    }

    private void ReadNumber(int depth)
    {
        int start = _position;
        while (_position < _text.Length && _text[_position] is not (',' or ']' or '['))
        {
            _position++;
        }

        string number = _text[start.._position].Trim();
        if (!IsNumber(number))
        {
            throw Wrong(number.Length == 0 ? "a number is missing" : $"'{number}' is not a number");
        }

        if (_lengths.Count > depth + 1)
        {
            throw Wrong("a list holds numbers or lists, not both");
        }

        _numbers.Add(number);
    }

    private char Peek() => _position < _text.Length ? _text[_position] : '\0';

    private void SkipSpaces()
    {
        while (_position < _text.Length && char.IsWhiteSpace(_text[_position]))
        {
            _position++;
        }
    }

    private UsageException Wrong(string what) => new($"The list {(_text.Length > 60 ? _text[..60] + "…" : _text)} is wrong at character {Math.Min(_position + 1, _text.Length)}: {what}.");

    private static void Encode(string number, ValueMetadata input, Span<byte> element)
    {
        bool isDone = input.ElementType switch
        {
            ElementType.Float32 => Write((float?)Float(number), element),
            ElementType.Float64 => Write(Float(number), element),
            ElementType.Float16 => Write((Half?)Float(number), element),

            // .NET has no type for it: the upper half of a single's bits.
            ElementType.BFloat16 => Write(Float(number) is { } value ? (ushort?)(BitConverter.SingleToUInt32Bits((float)value) >> 16) : null, element),
            ElementType.Bool => Write<byte>(number switch { "true" or "True" or "1" => 1, "false" or "False" or "0" => 0, _ => null }, element),
            ElementType.Int8 => Write(Integer<sbyte>(number), element),
            ElementType.Int16 => Write(Integer<short>(number), element),
            ElementType.Int32 => Write(Integer<int>(number), element),
            ElementType.Int64 => Write(Integer<long>(number), element),
            ElementType.UInt8 => Write(Integer<byte>(number), element),
            ElementType.UInt16 => Write(Integer<ushort>(number), element),
            ElementType.UInt32 => Write(Integer<uint>(number), element),
            ElementType.UInt64 => Write(Integer<ulong>(number), element),
            _ => false,
        };
        if (!isDone)
        {
            throw new UsageException($"--input {input.Name}: '{number}' is no element of {input}{(input.ElementType.IsInteger() ? ", which takes whole numbers of its range" : input.ElementType == ElementType.Bool ? ", which takes true and false" : "")}.");
        }
    }

    private static double? Float(string text) => text.ToLowerInvariant() switch
    {
        "nan" => double.NaN,
        "inf" or "+inf" or "infinity" => double.PositiveInfinity,
        "-inf" or "-infinity" => double.NegativeInfinity,
        "true" => 1,
        "false" => 0,
        _ => double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out double value) ? value : null,
    };

    private static T? Integer<T>(string text)
        where T : struct, IBinaryInteger<T> =>
        text is "true" or "True" ? T.One : text is "false" or "False" ? T.Zero : T.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out T value) ? value : null;

    private static bool Write<T>(T? value, Span<byte> element)
        where T : unmanaged
    {
        if (value is { } number)
        {
            MemoryMarshal.Write(element, in number);
        }

        return value is not null;
    }
}
