using System.Buffers.Binary;
using System.Runtime.InteropServices;
using OnnxStream.Interop.Tensors;
using OnnxStream.Interop.Weights;

namespace OnnxStream.Interop.Onnx;

/// <summary>Turns tensor messages into constants: small ones in memory, large ones as places in files.</summary>
internal sealed class TensorReader(ModelEntry model)
{
    private readonly ExternalData _externalData = new(model);

    /// <summary>Reads a file that holds one tensor message.</summary>
    /// <exception cref="ModelFormatException">It does not, or the message contradicts itself.</exception>
    /// <exception cref="WeightsException">Its elements lie in another file that cannot be read.</exception>
    public static TensorBuffer ReadFile(string path)
    {
        ModelEntry file = ModelEntry.OfFile(Path.GetFullPath(path));
        Constant constant = new TensorReader(file).Read(OnnxScanner.ReadTensor(file.Source));
        if (constant.Type.ByteLength > Array.MaxLength)
        {
            throw new ModelFormatException(file.Id, $"{constant.Type} takes {constant.Type.ByteLength:N0} bytes; at most {Array.MaxLength:N0} are possible.");
        }

        TensorBuffer buffer = new(constant.Type.ElementType, constant.Type.Shape);
        constant.ReadElements(buffer.Bytes);
        return buffer;
    }

    /// <summary>Reads one tensor.</summary>
    /// <exception cref="ModelFormatException">The message contradicts itself.</exception>
    /// <exception cref="WeightsException">The elements lie in another file that cannot be read.</exception>
    public Constant Read(TensorProto tensor)
    {
        TensorType type = ReadType(tensor);
        if (tensor.DataLocation == TensorProto.Types.DataLocation.External)
        {
            WeightRange location = _externalData.Locate(tensor, type.PackedByteLength);
            if (location.Length > OnnxScanner.InlineLimitBytes)
            {
                return Constant.FromLocation(type, type.ElementType, location);
            }

            byte[] small = new byte[location.Length];
            location.Read(small);
            return FromPacked(type, small);
        }

        // Before anything is made of them.
        long expected = type.ElementType.PerByte() > 1 ? type.PackedByteLength : type.Shape.ElementCount;
        if (!tensor.HasRawData && CountTyped(tensor, type.ElementType) is var count && count != expected)
        {
            throw new ModelFormatException(model.Id, $"the tensor '{tensor.Name}' of type {type} has {count:N0} elements{(type.ElementType.PerByte() > 1 ? $" of its field, {expected:N0} are needed: {type.ElementType.PerByte()} numbers are packed in each" : "")}.");
        }

        byte[] data = tensor.HasRawData ? tensor.RawData.ToByteArray() : ReadTyped(tensor, type);
        if (data.Length != type.PackedByteLength)
        {
            throw new ModelFormatException(model.Id, $"the tensor '{tensor.Name}' of type {type} needs {type.PackedByteLength:N0} bytes but has {data.Length:N0}.");
        }

        return FromPacked(type, data);
    }

    // A small constant of the bytes that a file holds.
    private static Constant FromPacked(TensorType type, byte[] data)
    {
        if (type.ElementType.PerByte() == 1)
        {
            return Constant.FromData(type, data);
        }

        byte[] elements = new byte[type.ByteLength];
        PackedElements.Unpack(type.ElementType, data, elements);
        return Constant.FromData(type, elements);
    }

    private TensorType ReadType(TensorProto tensor)
    {
        ElementType elementType = (ElementType)tensor.DataType;
        if (elementType.SizeOf() == 0)
        {
            throw new ModelFormatException(model.Id, $"the tensor '{tensor.Name}' has elements of type {tensor.DataType} ({elementType}), which is not supported.");
        }

        if (tensor.Dims.Count > Shape.MaximumRank)
        {
            throw new ModelFormatException(model.Id, $"the tensor '{tensor.Name}' has {tensor.Dims.Count:N0} dimensions; at most {Shape.MaximumRank} are supported.");
        }

        try
        {
            TensorType type = new(elementType, new Shape([.. tensor.Dims]));
            _ = type.ByteLength;
            return type;
        }
        catch (Exception exception) when (exception is OverflowException or ArgumentOutOfRangeException)
        {
            throw new ModelFormatException(model.Id, $"the tensor '{tensor.Name}' has the impossible shape [{Listing.Of(tensor.Dims)}].", exception);
        }
    }

    private static int CountTyped(TensorProto tensor, ElementType type) => type switch
    {
        ElementType.Float32 => tensor.FloatData.Count,
        ElementType.Float64 => tensor.DoubleData.Count,
        ElementType.Int64 => tensor.Int64Data.Count,
        ElementType.UInt64 or ElementType.UInt32 => tensor.Uint64Data.Count,
        _ => tensor.Int32Data.Count,
    };

    private byte[] ReadTyped(TensorProto tensor, TensorType type)
    {
        switch (type.ElementType)
        {
            case ElementType.Float32:
                return MemoryMarshal.AsBytes<float>([.. tensor.FloatData]).ToArray();
            case ElementType.Float64:
                return MemoryMarshal.AsBytes<double>([.. tensor.DoubleData]).ToArray();
            case ElementType.Int64:
                return MemoryMarshal.AsBytes<long>([.. tensor.Int64Data]).ToArray();
            case ElementType.UInt64:
                return MemoryMarshal.AsBytes<ulong>([.. tensor.Uint64Data]).ToArray();
            case ElementType.UInt32:
                return Narrow([.. tensor.Uint64Data.Select(value => (long)value)], 4);
            default:
                return Narrow([.. tensor.Int32Data.Select(value => (long)value)], type.ElementType.SizeOf());
        }
    }

    // Types narrower than the field that carries them keep their low bytes.
    private static byte[] Narrow(long[] values, int size)
    {
        byte[] bytes = new byte[values.Length * size];
        Span<byte> wide = stackalloc byte[8];
        for (int i = 0; i < values.Length; i++)
        {
            BinaryPrimitives.WriteInt64LittleEndian(wide, values[i]);
            wide[..size].CopyTo(bytes.AsSpan(i * size));
        }

        return bytes;
    }
}
