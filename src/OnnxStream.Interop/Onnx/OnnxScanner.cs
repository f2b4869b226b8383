using CommunityToolkit.HighPerformance.Buffers;
using Google.Protobuf;

namespace OnnxStream.Interop.Onnx;

/// <summary>Reads an ONNX file without its weights.</summary>
/// <remarks>
/// Protobuf's own parser would hold all bytes of every tensor. So the file is walked once, and everything is copied into a
/// small message except the payload of large tensors: that is skipped, and where it lies is written into the tensor as
/// external data whose location is the file itself (<see cref="SelfLocation"/>). What is left is parsed as usual.
/// </remarks>
internal sealed class OnnxScanner
{
    /// <summary>The location that stands for "in this very file". No file system allows such a name.</summary>
    public const string SelfLocation = "\0self";

    /// <summary>Tensors up to this size stay in the message: shapes are computed from them.</summary>
    public const int InlineLimitBytes = 1024;

    // Deeper than any real model, far from the end of the stack.
    private const int MaximumDepth = 64;

    private readonly FileStream _file;
    private readonly string _path;
    private readonly byte[] _buffer = new byte[64 << 10];
    private int _position;
    private int _filled;
    private long _fileOffset;

    private OnnxScanner(FileStream file, string path)
    {
        _file = file;
        _path = path;
    }

    private enum Message
    {
        Opaque,
        Model,
        Graph,
        Node,
        Attribute,
        Tensor,
        SparseTensor,
        Function,
    }

    private long Position => _fileOffset + _position;

    /// <summary>Reads the model message of the file, with large tensors as external data.</summary>
    /// <exception cref="ModelFormatException">The file is not an ONNX model.</exception>
    public static ModelProto Read(string path)
    {
        using FileStream file = new(path, FileMode.Open, FileAccess.Read, FileShare.Read, bufferSize: 0);
        OnnxScanner scanner = new(file, path);
        try
        {
            using ArrayPoolBufferWriter<byte> skeleton = new(64 << 10);
            scanner.Copy(Message.Model, file.Length, skeleton, 0);
            return ModelProto.Parser.ParseFrom(skeleton.WrittenSpan);
        }
        catch (InvalidProtocolBufferException exception)
        {
            throw new ModelFormatException(path, $"not an ONNX model: {exception.Message}", exception);
        }
    }

    private static Message Child(Message message, int field) => (message, field) switch
    {
        (Message.Model, 7) => Message.Graph,
        (Message.Model, 25) => Message.Function,
        (Message.Graph, 1) => Message.Node,
        (Message.Graph, 5) => Message.Tensor,
        (Message.Graph, 15) => Message.SparseTensor,
        (Message.Function, 7) => Message.Node,
        (Message.Node, 5) => Message.Attribute,
        (Message.Attribute, 5 or 10) => Message.Tensor,
        (Message.Attribute, 6 or 11) => Message.Graph,
        (Message.SparseTensor, 1 or 2) => Message.Tensor,
        _ => Message.Opaque,
    };

    // Fields of TensorProto whose bytes are the elements as they lie in memory: float_data, raw_data, double_data.
    private static bool IsPayload(Message message, int field) => message == Message.Tensor && field is 4 or 9 or 10;

    private void Copy(Message message, long end, ArrayPoolBufferWriter<byte> output, int depth)
    {
        if (depth > MaximumDepth)
        {
            throw Damaged($"messages are nested more than {MaximumDepth} deep");
        }

        while (Position < end)
        {
            long start = Position;
            ulong tag = ReadVarint(end);
            int field = (int)(tag >> 3);
            int wireType = (int)(tag & 7);
            if (field <= 0 || tag > uint.MaxValue)
            {
                throw Damaged($"byte {start:N0} starts no field");
            }

            switch (wireType)
            {
                case 0:
                    WriteVarint(output, tag);
                    WriteVarint(output, ReadVarint(end));
                    break;
                case 1:
                    WriteVarint(output, tag);
                    CopyBytes(8, end, output);
                    break;
                case 5:
                    WriteVarint(output, tag);
                    CopyBytes(4, end, output);
                    break;
                case 2:
                    long length = (long)ReadVarint(end);
                    if (length < 0 || length > end - Position)
                    {
                        throw Damaged($"the field at byte {start:N0} is said to be {(ulong)length:N0} bytes long, but only {end - Position:N0} follow. The file is truncated or damaged");
                    }

                    CopyField(message, field, tag, length, output, depth);
                    break;
                default:
                    throw Damaged($"byte {start:N0} starts a field of the unknown kind {wireType}");
            }
        }

        if (Position != end)
        {
            throw Damaged($"a field runs over the end of its message at byte {end:N0}");
        }
    }

    private void CopyField(Message message, int field, ulong tag, long length, ArrayPoolBufferWriter<byte> output, int depth)
    {
        if (IsPayload(message, field) && length > InlineLimitBytes)
        {
            WriteExternalData(output, Position, length);
            Skip(length);
            return;
        }

        Message child = Child(message, field);
        WriteVarint(output, tag);
        if (child == Message.Opaque)
        {
            if (length > int.MaxValue / 2)
            {
                throw Damaged($"a field of {length:N0} bytes is too large");
            }

            WriteVarint(output, (ulong)length);
            CopyBytes((int)length, Position + length, output);
            return;
        }

        using ArrayPoolBufferWriter<byte> inner = new(256);
        Copy(child, Position + length, inner, depth + 1);
        WriteVarint(output, (ulong)inner.WrittenCount);
        inner.WrittenSpan.CopyTo(output.GetSpan(inner.WrittenCount));
        output.Advance(inner.WrittenCount);
    }

    // The fields external_data (13) and data_location (14) of TensorProto.
    private static void WriteExternalData(ArrayPoolBufferWriter<byte> output, long offset, long length)
    {
        TensorProto place = new() { DataLocation = TensorProto.Types.DataLocation.External };
        place.ExternalData.Add(new StringStringEntryProto { Key = "location", Value = SelfLocation });
        place.ExternalData.Add(new StringStringEntryProto { Key = "offset", Value = offset.ToString() });
        place.ExternalData.Add(new StringStringEntryProto { Key = "length", Value = length.ToString() });
        byte[] bytes = place.ToByteArray();
        bytes.CopyTo(output.GetSpan(bytes.Length));
        output.Advance(bytes.Length);
    }

    private static void WriteVarint(ArrayPoolBufferWriter<byte> output, ulong value)
    {
        Span<byte> span = output.GetSpan(10);
        int count = 0;
        while (value >= 0x80)
        {
            span[count++] = (byte)(value | 0x80);
            value >>= 7;
        }

        span[count++] = (byte)value;
        output.Advance(count);
    }

    private ulong ReadVarint(long end)
    {
        ulong value = 0;
        for (int shift = 0; shift < 64; shift += 7)
        {
            if (Position >= end || (_position == _filled && !Fill()))
            {
                throw Damaged($"a number is cut off at byte {Position:N0}. The file is truncated or damaged");
            }

            byte next = _buffer[_position++];
            value |= (ulong)(next & 0x7F) << shift;
            if (next < 0x80)
            {
                return value;
            }
        }

        throw Damaged($"the number before byte {Position:N0} has more than 64 bits");
    }

    private void CopyBytes(int count, long end, ArrayPoolBufferWriter<byte> output)
    {
        if (count > end - Position)
        {
            throw Damaged($"a field is cut off at byte {end:N0}. The file is truncated or damaged");
        }

        while (count > 0)
        {
            if (_position == _filled && !Fill())
            {
                throw Damaged($"the file ends at byte {Position:N0} inside a field");
            }

            int piece = Math.Min(count, _filled - _position);
            _buffer.AsSpan(_position, piece).CopyTo(output.GetSpan(piece));
            output.Advance(piece);
            _position += piece;
            count -= piece;
        }
    }

    private void Skip(long count)
    {
        if (count <= _filled - _position)
        {
            _position += (int)count;
            return;
        }

        _fileOffset = Position + count;
        _file.Position = _fileOffset;
        _position = _filled = 0;
    }

    private bool Fill()
    {
        _fileOffset += _filled;
        _position = 0;
        _filled = _file.Read(_buffer);
        return _filled > 0;
    }

    private ModelFormatException Damaged(string problem) => new(_path, $"not an ONNX model: {problem}.");
}
