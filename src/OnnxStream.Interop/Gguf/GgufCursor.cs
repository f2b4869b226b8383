using System.Buffers.Binary;
using System.Text;

namespace OnnxStream.Interop.Gguf;

/// <summary>Reads a GGUF file from its start, and never behind its end.</summary>
/// <param name="stream">The file; it is read in pieces.</param>
/// <param name="start">Where to begin, in bytes.</param>
/// <param name="end">Where the file, or the part that is read, ends.</param>
/// <param name="path">The file, for messages.</param>
internal sealed class GgufCursor(Stream stream, long start, long end, string path)
{
    private const int LongestText = 64 << 20;
    private const int DeepestList = 4;

    private readonly byte[] _buffer = new byte[64 << 10];
    private long _position = start;
    private int _used;
    private int _filled;

    /// <summary>The next byte to read, from the start of the file.</summary>
    public long Position => _position;

    /// <summary>The exception for something that is wrong with the file.</summary>
    public ModelFormatException Error(string problem) => new(path, $"{problem} (at byte {_position:N0}).");

    /// <summary>A whole number of 32 bits without a sign.</summary>
    public uint UInt32(string what) => BinaryPrimitives.ReadUInt32LittleEndian(Take(sizeof(uint), what));

    /// <summary>A whole number of 64 bits that must not be larger than <paramref name="most"/>.</summary>
    public long Count(string what, long most)
    {
        ulong value = BinaryPrimitives.ReadUInt64LittleEndian(Take(sizeof(ulong), what));
        return value <= (ulong)most ? (long)value : throw Error($"{what} is {value:N0}; at most {most:N0} is possible");
    }

    /// <summary>A text.</summary>
    public string Text(string what)
    {
        int length = (int)Count($"the length of {what}", Math.Min(LongestText, Math.Max(0, end - _position - sizeof(ulong))));
        if (length <= _buffer.Length)
        {
            return Encoding.UTF8.GetString(Take(length, what));
        }

        byte[] bytes = new byte[length];
        for (int done = 0; done < length;)
        {
            int part = Math.Min(_buffer.Length, length - done);
            Take(part, what).CopyTo(bytes.AsSpan(done));
            done += part;
        }

        return Encoding.UTF8.GetString(bytes);
    }

    /// <summary>A value: a <see cref="long"/>, <see cref="ulong"/> that is larger, <see cref="double"/>, <see cref="bool"/>, <see cref="string"/> or <see cref="GgufList"/>.</summary>
    public object Value(GgufType type, string what, int depth = 0)
    {
        switch (type)
        {
            case GgufType.Text:
                return Text(what);
            case GgufType.List:
                return List(what, depth);
            default:
                ReadOnlySpan<byte> bytes = Take(SizeOf(type, what), what);
                return type switch
                {
                    GgufType.UInt8 => (long)bytes[0],
                    GgufType.Int8 => (long)(sbyte)bytes[0],
                    GgufType.UInt16 => (long)BinaryPrimitives.ReadUInt16LittleEndian(bytes),
                    GgufType.Int16 => (long)BinaryPrimitives.ReadInt16LittleEndian(bytes),
                    GgufType.UInt32 => (long)BinaryPrimitives.ReadUInt32LittleEndian(bytes),
                    GgufType.Int32 => (long)BinaryPrimitives.ReadInt32LittleEndian(bytes),
                    GgufType.Float32 => (double)BinaryPrimitives.ReadSingleLittleEndian(bytes),
                    GgufType.Float64 => BinaryPrimitives.ReadDoubleLittleEndian(bytes),
                    GgufType.Bool => bytes[0] != 0,
                    GgufType.Int64 => BinaryPrimitives.ReadInt64LittleEndian(bytes),
                    _ => BinaryPrimitives.ReadUInt64LittleEndian(bytes) is var large and > long.MaxValue ? large : (object)(long)BinaryPrimitives.ReadUInt64LittleEndian(bytes),
                };
        }
    }

    private GgufList List(string what, int depth)
    {
        if (depth >= DeepestList)
        {
            throw Error($"lists in {what} are nested more than {DeepestList} deep");
        }

        GgufType type = (GgufType)UInt32($"the type of {what}");
        int least = type is GgufType.Text ? sizeof(ulong) : type is GgufType.List ? sizeof(uint) + sizeof(ulong) : SizeOf(type, what);
        int count = (int)Count($"the number of values of {what}", Math.Min(int.MaxValue, Math.Max(0, (end - _position - sizeof(ulong)) / least)));
        long first = _position;
        if (type is not (GgufType.Text or GgufType.List))
        {
            Skip((long)count * least, what);
        }

        for (int i = 0; i < count && type is GgufType.Text or GgufType.List; i++)
        {
            if (type is GgufType.Text)
            {
                Skip(Count($"the length of {what}", Math.Min(LongestText, Math.Max(0, end - _position - sizeof(ulong)))), what);
            }
            else
            {
                List(what, depth + 1);
            }
        }

        return new GgufList(type, count, first, _position - first);
    }

    private int SizeOf(GgufType type, string what) => type switch
    {
        GgufType.UInt8 or GgufType.Int8 or GgufType.Bool => 1,
        GgufType.UInt16 or GgufType.Int16 => 2,
        GgufType.UInt32 or GgufType.Int32 or GgufType.Float32 => 4,
        GgufType.UInt64 or GgufType.Int64 or GgufType.Float64 => 8,
        _ => throw Error($"{what} has the type {(uint)type}, which the format does not have"),
    };

    private void Skip(long count, string what)
    {
        if (count > end - _position)
        {
            throw Ends(count, what);
        }

        long buffered = Math.Min(count, _filled - _used);
        _used += (int)buffered;
        _position += count;
        if (buffered < count)
        {
            stream.Position = _position;
            (_used, _filled) = (0, 0);
        }
    }

    // At most a buffer; valid until the next call.
    private ReadOnlySpan<byte> Take(int count, string what)
    {
        if (count > end - _position)
        {
            throw Ends(count, what);
        }

        if (count > _filled - _used)
        {
            stream.Position = _position;
            int wanted = (int)Math.Min(_buffer.Length, end - _position);
            _filled = stream.ReadAtLeast(_buffer.AsSpan(0, wanted), count, throwOnEndOfStream: false);
            _used = 0;
            if (_filled < count)
            {
                throw Ends(count, what);
            }
        }

        ReadOnlySpan<byte> bytes = _buffer.AsSpan(_used, count);
        _used += count;
        _position += count;
        return bytes;
    }

    private ModelFormatException Ends(long count, string what) => Error($"the file ends inside of {what}: {count:N0} bytes are needed, {Math.Max(0, end - _position):N0} are left. It may be downloaded in part");
}
