using System.Globalization;
using CommunityToolkit.HighPerformance.Buffers;
using Google.Protobuf;
using OnnxStream.Interop.Weights;

namespace OnnxStream.Interop.Onnx;

/// <summary>Reads an ONNX file without its weights.</summary>
/// <remarks>
/// Protobuf's own parser would hold all bytes of every tensor. So the file is walked once, and what is read later is copied into a
/// small message; documentation, metadata and fields that nobody knows are not. The payload of large tensors is skipped, and where it
/// lies is written into the tensor as external data whose location is the file itself (<see cref="SelfLocation"/>). What is left is
/// parsed as usual. A file of two bytes for each of many parts would become objects of a hundred: sizes and counts have limits.
/// </remarks>
internal sealed class OnnxScanner
{
    /// <summary>The location that stands for "in this very file". No file system allows such a name.</summary>
    public const string SelfLocation = "\0self";

    /// <summary>Tensors up to this size stay in the message: shapes are computed from them.</summary>
    public const int InlineLimitBytes = 1024;

    /// <summary>The most fields that are read: inputs and attributes of nodes, dimensions, numbers of a list.</summary>
    public const int MaximumFields = 4_000_000;

    /// <summary>The longest name in bytes.</summary>
    public const int LongestName = 64 << 10;

    /// <summary>The largest list of numbers, or text, in bytes.</summary>
    public const int LargestList = 64 << 20;

    /// <summary>The most bytes of a file without its weights.</summary>
    public const int LargestSkeleton = 256 << 20;

    // Deeper than any real model, far from the end of the stack.
    private const int MaximumDepth = 64;

    private readonly Stream _file;
    private readonly WeightSource _source;
    private readonly Message _message;
    private readonly byte[] _buffer = new byte[64 << 10];
    private int _position;
    private int _filled;
    private long _fileOffset;
    private long _copied;
    private int _fields;

    private OnnxScanner(Stream file, WeightSource source, Message message)
    {
        _file = file;
        _source = source;
        _message = message;
    }

    private enum Message
    {
        None,
        Model,
        Graph,
        Node,
        Attribute,
        Tensor,
        SparseTensor,
        Function,
        Value,
        Type,
        TensorType,
        Container,
        Shape,
        Dimension,
        Import,
        Entry,
    }

    private long Position => _fileOffset + _position;

    /// <summary>Reads the model message of the file, with large tensors as external data.</summary>
    /// <exception cref="ModelFormatException">The file is not an ONNX model.</exception>
    public static ModelProto Read(WeightSource source) => Read(source, Message.Model, ModelProto.Parser);

    /// <summary>Reads the tensor message of a file; a large one has external data.</summary>
    /// <exception cref="ModelFormatException">The file is not an ONNX tensor.</exception>
    public static TensorProto ReadTensor(WeightSource source) => Read(source, Message.Tensor, TensorProto.Parser);

    private static T Read<T>(WeightSource source, Message message, MessageParser<T> parser)
        where T : IMessage<T>
    {
        // Before it is opened: a pipe that nobody writes into would let nobody go on.
        if (source.CheckedLength() == 0)
        {
            throw new ModelFormatException(source.Id, $"not an ONNX {message.ToString().ToLowerInvariant()}: the file is empty. If it is a pipe or a device, write what comes out of it into a file: a model is read in many places.");
        }

        using Stream file = source.OpenChecked();
        OnnxScanner scanner = new(file, source, message);
        try
        {
            using ArrayPoolBufferWriter<byte> skeleton = new(64 << 10);
            scanner.Copy(message, file.Length, skeleton, 0);
            return parser.ParseFrom(skeleton.WrittenSpan);
        }
        catch (InvalidProtocolBufferException exception)
        {
            throw scanner.Damaged(exception.Message.TrimEnd('.'), exception);
        }
        catch (IOException exception)
        {
            throw new WeightsException($"{source.Id}: cannot be read: {exception.Message}", exception);
        }
    }

    private static Message Child(Message message, int field) => (message, field) switch
    {
        (Message.Model, 7) => Message.Graph,
        (Message.Model, 8) => Message.Import,
        (Message.Model, 25) => Message.Function,
        (Message.Graph, 1) => Message.Node,
        (Message.Graph, 5) => Message.Tensor,
        (Message.Graph, 11 or 12) => Message.Value,
        (Message.Graph, 15) => Message.SparseTensor,
        (Message.Function, 7) => Message.Node,
        (Message.Function, 9) => Message.Import,
        (Message.Function, 11) => Message.Attribute,
        (Message.SparseTensor, 1 or 2) => Message.Tensor,
        (Message.Node, 5) => Message.Attribute,
        (Message.Attribute, 5 or 10) => Message.Tensor,
        (Message.Attribute, 6 or 11) => Message.Graph,
        (Message.Attribute, 14) => Message.Type,
        (Message.Attribute, 22) => Message.SparseTensor,
        (Message.Tensor, 13) => Message.Entry,
        (Message.Value, 2) => Message.Type,
        (Message.Type, 1) => Message.TensorType,
        (Message.Type, 4 or 9) => Message.Container,
        (Message.Container, 1) => Message.Type,
        (Message.TensorType, 2) => Message.Shape,
        (Message.Shape, 1) => Message.Dimension,
        _ => Message.None,
    };

    // How long a field may be that is read later, in bytes; 0 for those that are not.
    private static int LongestOf(Message message, int field) => (message, field) switch
    {
        (Message.Attribute, 4 or 7 or 8 or 9) => LargestList,
        (Message.SparseTensor, 3) => LargestList,
        (Message.Tensor, 4 or 5 or 7 or 9 or 10 or 11) => LargestList,
        (Message.Tensor, 1) => LongestName,
        (Message.Model, 1 or 2 or 3) or (Message.Graph, 2) or (Message.Node, 1 or 2 or 3 or 4 or 7 or 8) or (Message.Function, 1 or 4 or 5 or 6 or 10 or 13) or
            (Message.Attribute, 1 or 2 or 3 or 20 or 21) or (Message.Tensor, 2 or 8 or 14) or (Message.Value, 1) or (Message.TensorType, 1) or
            (Message.Dimension, 1 or 2) or (Message.Import, 1 or 2) or (Message.Entry, 1 or 2) => LongestName,

        // Kinds of values that are not supported: the message that says so needs to know which.
        (Message.Type, 5 or 7 or 8) => LongestName,
        _ => 0,
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

            bool isRead = Child(message, field) != Message.None || LongestOf(message, field) > 0;
            if (isRead && ++_fields > MaximumFields)
            {
                throw Damaged($"it has more than {MaximumFields:N0} fields");
            }

            ArrayPoolBufferWriter<byte>? target = isRead ? output : null;
            switch (wireType)
            {
                case 0:
                    ulong number = ReadVarint(end);

                    // Python's onnx writes the default out, after the payload whose place stands for it here.
                    bool isDefaultLocation = message == Message.Tensor && field == TensorProto.DataLocationFieldNumber && number == 0;
                    if (isRead && !isDefaultLocation)
                    {
                        WriteVarint(output, tag);
                        WriteVarint(output, number);
                    }

                    break;
                case 1 or 5:
                    if (isRead)
                    {
                        WriteVarint(output, tag);
                    }

                    CopyBytes(wireType == 1 ? 8 : 4, end, target);
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
        if (child == Message.None)
        {
            int longest = LongestOf(message, field);
            if (longest == 0)
            {
                Skip(length);
                return;
            }

            if (length > longest)
            {
                throw Damaged($"the field {field} of a {message} at byte {Position:N0} has {length:N0} bytes; at most {longest:N0} are expected there");
            }

            WriteVarint(output, tag);
            WriteVarint(output, (ulong)length);
            CopyBytes((int)length, Position + length, output);
            return;
        }

        using ArrayPoolBufferWriter<byte> inner = new(256);
        Copy(child, Position + length, inner, depth + 1);
        WriteVarint(output, tag);
        WriteVarint(output, (ulong)inner.WrittenCount);
        inner.WrittenSpan.CopyTo(output.GetSpan(inner.WrittenCount));
        output.Advance(inner.WrittenCount);
    }

    // The fields external_data (13) and data_location (14) of TensorProto.
    private static void WriteExternalData(ArrayPoolBufferWriter<byte> output, long offset, long length)
    {
        TensorProto place = new() { DataLocation = TensorProto.Types.DataLocation.External };
        place.ExternalData.Add(new StringStringEntryProto { Key = "location", Value = SelfLocation });
        place.ExternalData.Add(new StringStringEntryProto { Key = "offset", Value = offset.ToString(CultureInfo.InvariantCulture) });
        place.ExternalData.Add(new StringStringEntryProto { Key = "length", Value = length.ToString(CultureInfo.InvariantCulture) });
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

    // To nowhere, if there is no output.
    private void CopyBytes(int count, long end, ArrayPoolBufferWriter<byte>? output)
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
            if (output is not null)
            {
                _copied += piece;
                if (_copied > LargestSkeleton)
                {
                    throw Damaged($"it has more than {LargestSkeleton:N0} bytes beside its weights");
                }

                _buffer.AsSpan(_position, piece).CopyTo(output.GetSpan(piece));
                output.Advance(piece);
            }

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

    private ModelFormatException Damaged(string problem, Exception? innerException = null) =>
        new(_source.Id, $"not an ONNX {_message.ToString().ToLowerInvariant()}: {problem}.{ForeignFile.Sentence(_source)}", innerException);
}
