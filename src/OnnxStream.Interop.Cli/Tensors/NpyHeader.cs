using System.Buffers.Binary;
using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Text;

namespace OnnxStream.Interop.Cli.Tensors;

/// <summary>What stands before the elements of a <c>.npy</c> file.</summary>
/// <remarks>
/// Format: https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html. Six bytes of magic, two of version, the length
/// of the text (two bytes in version 1, four from version 2 on), and the text: a Python dictionary with the keys <c>descr</c>,
/// <c>fortran_order</c> and <c>shape</c>, padded with spaces and ended by a line feed.
/// NumPy has no bfloat16 of its own: two bytes of <c>V</c> (void), which is how the ml_dtypes extension stores it, stand for it.
/// That extension stores all its types of a byte and less as <c>V1</c>, one element a byte, which does not say which one: they are
/// read as bytes, and the model's declaration says what they are. Written are the extension's names, which NumPy understands
/// where it is loaded.
/// </remarks>
/// <param name="Type">The element type and shape.</param>
/// <param name="IsFortranOrder">Whether the first dimension, not the last, is the one whose elements are neighbours.</param>
/// <param name="IsBigEndian">The byte order of the elements.</param>
internal sealed record NpyHeader(TensorType Type, bool IsFortranOrder, bool IsBigEndian)
{
    private const int Alignment = 64;
    private const int TextLengthLimit = 1 << 20;

    // NumPy's own limit.
    private const int RankLimit = 64;

    private static readonly byte[] Magic = [0x93, (byte)'N', (byte)'U', (byte)'M', (byte)'P', (byte)'Y'];

    private static readonly (ElementType Type, string Code)[] Codes =
    [
        (ElementType.Float32, "f4"), (ElementType.Float64, "f8"), (ElementType.Float16, "f2"), (ElementType.BFloat16, "V2"),
        (ElementType.Int8, "i1"), (ElementType.Int16, "i2"), (ElementType.Int32, "i4"), (ElementType.Int64, "i8"),
        (ElementType.UInt8, "u1"), (ElementType.UInt16, "u2"), (ElementType.UInt32, "u4"), (ElementType.UInt64, "u8"),
        (ElementType.Bool, "b1"),
        (ElementType.Float8E4M3FN, "float8_e4m3fn"), (ElementType.Float8E4M3FNUZ, "float8_e4m3fnuz"), (ElementType.Float8E5M2, "float8_e5m2"), (ElementType.Float8E5M2FNUZ, "float8_e5m2fnuz"),
        (ElementType.Float8E8M0, "float8_e8m0fnu"), (ElementType.Float4E2M1, "float4_e2m1fn"),
        (ElementType.Int4, "int4"), (ElementType.UInt4, "uint4"), (ElementType.Int2, "int2"), (ElementType.UInt2, "uint2"),

        // Only read: the first one of a type is written.
        (ElementType.UInt8, "V1"),
    ];

    /// <summary>Reads a header; the stream is then at the first element.</summary>
    /// <exception cref="ModelFormatException">There is none, or it says something that tensors cannot be.</exception>
    public static NpyHeader Read(Stream stream, string path)
    {
        Span<byte> start = stackalloc byte[8];
        int count = stream.ReadAtLeast(start, start.Length, throwOnEndOfStream: false);
        if (count < start.Length || !start.StartsWith(Magic))
        {
            throw new ModelFormatException(path, $"a .npy file begins with 93 4E 55 4D 50 59 (\\x93NUMPY) and a version, but this one begins with {(count == 0 ? "nothing" : Convert.ToHexString(start[..count]))}.");
        }

        byte version = start[6];
        if (version is < 1 or > 3)
        {
            throw new ModelFormatException(path, $"version {version}.{start[7]} of the .npy format is unknown; versions 1 to 3 are supported.");
        }

        Span<byte> lengthBytes = stackalloc byte[version == 1 ? 2 : 4];
        ReadPart(stream, path, lengthBytes);
        uint length = version == 1 ? BinaryPrimitives.ReadUInt16LittleEndian(lengthBytes) : BinaryPrimitives.ReadUInt32LittleEndian(lengthBytes);
        if (length > TextLengthLimit)
        {
            throw new ModelFormatException(path, $"the header claims to be {length:N0} bytes long; the limit is {TextLengthLimit:N0}.");
        }

        byte[] text = new byte[length];
        ReadPart(stream, path, text);
        return Parse((version == 3 ? Encoding.UTF8 : Encoding.Latin1).GetString(text), path);
    }

    /// <summary>Writes the header, padded so that the elements begin at a multiple of 64 bytes.</summary>
    public void Write(Stream stream)
    {
        string code = Array.Find(Codes, entry => entry.Type == Type.ElementType).Code
            ?? throw new ArgumentException($"NumPy has no element type for {Type.ElementType}.");
        string order = Type.ElementType.IsNarrow() ? "" : Type.ElementType.SizeOf() == 1 ? "|" : IsBigEndian ? ">" : "<";

        // Python writes a tuple of one with a comma after it.
        string shape = $"({string.Join(", ", Type.Shape.ToArray())}{(Type.Shape.Rank == 1 ? "," : "")})";
        string text = $"{{'descr': '{order}{code}', 'fortran_order': {(IsFortranOrder ? "True" : "False")}, 'shape': {shape}, }}";
        int prefix = Magic.Length + 4;
        int total = (prefix + text.Length + 1 + Alignment - 1) / Alignment * Alignment;
        text = text.PadRight(total - prefix - 1) + '\n';

        Span<byte> version = [1, 0, 0, 0];
        BinaryPrimitives.WriteUInt16LittleEndian(version[2..], checked((ushort)text.Length));
        stream.Write(Magic);
        stream.Write(version);
        stream.Write(Encoding.Latin1.GetBytes(text));
    }

    private static void ReadPart(Stream stream, string path, Span<byte> part)
    {
        if (stream.ReadAtLeast(part, part.Length, throwOnEndOfStream: false) < part.Length)
        {
            throw new ModelFormatException(path, $"the file ends at byte {stream.Position:N0}, within the header.");
        }
    }

    private static NpyHeader Parse(string text, string path)
    {
        Parser parser = new(text, path);
        string? descr = null;
        bool? isFortranOrder = null;
        long[]? dimensions = null;
        parser.Expect('{');
        while (!parser.TryTake('}'))
        {
            string key = parser.TakeString();
            parser.Expect(':');
            switch (key)
            {
                case "descr" when descr is null:
                    descr = parser.TakeString();
                    break;
                case "fortran_order" when isFortranOrder is null:
                    isFortranOrder = parser.TakeBool();
                    break;
                case "shape" when dimensions is null:
                    dimensions = parser.TakeTuple();
                    break;
                default:
                    parser.Fail($"the keys are descr, fortran_order and shape, once each, but '{key}' was found");
                    break;
            }

            if (!parser.TryTake(','))
            {
                parser.Expect('}');
                break;
            }
        }

        if (descr is null || isFortranOrder is null || dimensions is null)
        {
            parser.Fail("one of the keys descr, fortran_order and shape is missing");
        }

        (ElementType elementType, bool isBigEndian) = ParseElementType(descr, path);
        try
        {
            TensorType type = new(elementType, new Shape(dimensions));
            _ = type.ByteLength;
            return new NpyHeader(type, isFortranOrder.Value, isBigEndian);
        }
        catch (OverflowException exception)
        {
            throw new ModelFormatException(path, $"the shape ({string.Join(", ", dimensions)}) has more elements than can be counted.", exception);
        }
    }

    private static (ElementType Type, bool IsBigEndian) ParseElementType(string descr, string path)
    {
        bool hasOrder = descr.Length > 0 && descr[0] is '<' or '>' or '|' or '=';
        string code = hasOrder ? descr[1..] : descr;
        ElementType type = code == "?" ? ElementType.Bool : Array.Find(Codes, entry => entry.Code == code).Type;
        if (type == ElementType.Undefined)
        {
            throw new ModelFormatException(path, $"elements of NumPy type '{descr}' are not supported; the supported ones are: {string.Join(", ", Codes.Select(entry => entry.Code))} (with <, >, | or = before them).");
        }

        bool isBigEndian = descr[0] == '>' || (descr[0] != '<' && !BitConverter.IsLittleEndian);
        return (type, isBigEndian);
    }

    /// <summary>Takes apart the few kinds of Python literals that a header consists of.</summary>
    private ref struct Parser(string text, string path)
    {
        private int _position;

        public bool TryTake(char expected)
        {
            SkipSpace();
            if (_position < text.Length && text[_position] == expected)
            {
                _position++;
                return true;
            }

            return false;
        }

        public void Expect(char expected)
        {
            if (!TryTake(expected))
            {
                Fail($"expected '{expected}'");
            }
        }

        public string TakeString()
        {
            SkipSpace();
            if (_position < text.Length && text[_position] is '\'' or '"')
            {
                int end = text.IndexOf(text[_position], _position + 1);
                if (end > 0)
                {
                    string value = text[(_position + 1)..end];
                    _position = end + 1;
                    return value;
                }
            }

            Fail("expected a quoted string (records of several fields are not supported)");
            return "";
        }

        public bool TakeBool()
        {
            SkipSpace();
            foreach (string literal in (ReadOnlySpan<string>)["True", "False"])
            {
                if (text.AsSpan(_position).StartsWith(literal))
                {
                    _position += literal.Length;
                    return literal == "True";
                }
            }

            Fail("expected True or False");
            return false;
        }

        public long[] TakeTuple()
        {
            List<long> values = [];
            Expect('(');
            while (!TryTake(')'))
            {
                values.Add(TakeNumber());
                if (!TryTake(','))
                {
                    Expect(')');
                    break;
                }
            }

            if (values.Count > RankLimit)
            {
                Fail($"a shape of {values.Count} dimensions is beyond the limit of {RankLimit}");
            }

            return [.. values];
        }

        [DoesNotReturn]
        public readonly void Fail(string reason) =>
            throw new ModelFormatException(path, $"the header is malformed at character {_position}: {reason}. It reads: {text.Trim()}");

        private long TakeNumber()
        {
            SkipSpace();
            int start = _position;
            while (_position < text.Length && char.IsAsciiDigit(text[_position]))
            {
                _position++;
            }

            if (!long.TryParse(text.AsSpan(start, _position - start), NumberStyles.None, CultureInfo.InvariantCulture, out long value))
            {
                Fail("expected a number from 0 to 2^63-1");
            }

            return value;
        }

        private void SkipSpace()
        {
            while (_position < text.Length && char.IsWhiteSpace(text[_position]))
            {
                _position++;
            }
        }
    }
}
