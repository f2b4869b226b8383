using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Text.Json;
using OnnxStream.Interop.Weights;

namespace OnnxStream.Interop.Pipelines;

/// <summary>A file of named tensors: a header in JSON behind its length, and their bytes. Only the header is read when it is opened.</summary>
/// <remarks>
/// https://github.com/huggingface/safetensors: 8 bytes with the length of the header, the header (<c>name: {dtype, shape, data_offsets}</c>), the bytes of the tensors. Nothing that
/// the header says is believed before it has been compared with the length of the file.
/// </remarks>
internal sealed class SafetensorsFile
{
    // As the reference has it.
    private const long MostHeaderBytes = 100_000_000;

    private const string MetadataName = "__metadata__";

    private const int MostDimensions = 8;

    private SafetensorsFile(WeightSource source, IReadOnlyDictionary<string, SafetensorsTensor> tensors, IReadOnlyDictionary<string, string> metadata)
    {
        Source = source;
        Tensors = tensors;
        Metadata = metadata;
    }

    /// <summary>The file.</summary>
    public WeightSource Source { get; }

    /// <summary>The tensors by name.</summary>
    public IReadOnlyDictionary<string, SafetensorsTensor> Tensors { get; }

    /// <summary>What else the file says of itself.</summary>
    public IReadOnlyDictionary<string, string> Metadata { get; }

    /// <summary>Reads the header of a local file.</summary>
    /// <exception cref="FileNotFoundException">There is no such file.</exception>
    /// <exception cref="ModelFormatException">It is damaged, or another kind of file.</exception>
    public static SafetensorsFile Open(string path) => File.Exists(path) ? Open(new FileSource(path)) : throw new FileNotFoundException($"There is no file '{path}'.", path);

    /// <summary>Reads the header.</summary>
    /// <exception cref="ModelFormatException">The file is damaged, or of another kind.</exception>
    /// <exception cref="WeightsException">It cannot be read.</exception>
    public static SafetensorsFile Open(WeightSource source)
    {
        long fileBytes = source.Length;
        Span<byte> prefix = stackalloc byte[sizeof(long)];
        if (fileBytes < prefix.Length + 2)
        {
            throw new ModelFormatException(source.Id, $"a safetensors file begins with 8 bytes and a header; this one has {fileBytes:N0} bytes.");
        }

        Read(source, 0, prefix);
        ulong headerBytes = BinaryPrimitives.ReadUInt64LittleEndian(prefix);
        if (headerBytes < 2 || headerBytes > MostHeaderBytes || (long)headerBytes > fileBytes - prefix.Length)
        {
            throw new ModelFormatException(source.Id, $"this is no safetensors file, or it is cut short: a header of {headerBytes:N0} bytes is announced in a file of {fileBytes:N0}.");
        }

        byte[] header = new byte[headerBytes];
        Read(source, prefix.Length, header);
        long dataStart = prefix.Length + header.Length;
        Dictionary<string, SafetensorsTensor> tensors = new(StringComparer.Ordinal);
        Dictionary<string, string> metadata = new(StringComparer.Ordinal);
        try
        {
            using JsonDocument document = JsonDocument.Parse(header);
            foreach (JsonProperty property in document.RootElement.EnumerateObject())
            {
                if (property.Name == MetadataName)
                {
                    foreach (JsonProperty entry in property.Value.EnumerateObject())
                    {
                        metadata[entry.Name] = entry.Value.ValueKind == JsonValueKind.String ? entry.Value.GetString()! : entry.Value.GetRawText();
                    }
                }
                else if (!tensors.TryAdd(property.Name, ReadTensor(property.Name, property.Value, dataStart, fileBytes, source.Id)))
                {
                    throw new ModelFormatException(source.Id, $"the tensor '{property.Name}' is there twice.");
                }
            }
        }
        catch (Exception exception) when (exception is JsonException or InvalidOperationException or KeyNotFoundException or FormatException)
        {
            throw new ModelFormatException(source.Id, $"the header of the safetensors file is not what it should be: {exception.Message}", exception);
        }

        return new SafetensorsFile(source, tensors, metadata);
    }

    /// <summary>The numbers of a tensor in single precision.</summary>
    /// <exception cref="ModelFormatException">They are of a type that is not read.</exception>
    /// <exception cref="WeightsException">The file cannot be read.</exception>
    public float[] ReadSingles(SafetensorsTensor tensor)
    {
        int count = checked((int)tensor.Shape.ElementCount);
        byte[] bytes = new byte[checked((int)tensor.Length)];
        Read(Source, tensor.Offset, bytes);
        float[] numbers = new float[count];
        switch (tensor.ElementType)
        {
            case ElementType.Float32:
                MemoryMarshal.Cast<byte, float>(bytes).CopyTo(numbers);
                break;
            case ElementType.Float16:
                System.Numerics.Tensors.TensorPrimitives.ConvertToSingle(MemoryMarshal.Cast<byte, Half>(bytes), numbers);
                break;
            case ElementType.BFloat16:
                ReadOnlySpan<ushort> upper = MemoryMarshal.Cast<byte, ushort>(bytes);
                for (int i = 0; i < count; i++)
                {
                    numbers[i] = BitConverter.UInt32BitsToSingle((uint)upper[i] << 16);
                }

                break;
            case ElementType.Float64:
                ReadOnlySpan<double> doubles = MemoryMarshal.Cast<byte, double>(bytes);
                for (int i = 0; i < count; i++)
                {
                    numbers[i] = (float)doubles[i];
                }

                break;
            default:
                throw new ModelFormatException(Source.Id, $"the tensor '{tensor.Name}' has elements of type {tensor.TypeName}; expected F32, F16, BF16 or F64.");
        }

        return numbers;
    }

    private static SafetensorsTensor ReadTensor(string name, JsonElement entry, long dataStart, long fileBytes, string id)
    {
        string typeName = entry.GetProperty("dtype").GetString() ?? "";
        (ElementType type, int bits) = typeName switch
        {
            "F32" => (ElementType.Float32, 32),
            "F16" => (ElementType.Float16, 16),
            "BF16" => (ElementType.BFloat16, 16),
            "F64" => (ElementType.Float64, 64),
            "I64" => (ElementType.Int64, 64),
            "I32" => (ElementType.Int32, 32),
            "I16" => (ElementType.Int16, 16),
            "I8" => (ElementType.Int8, 8),
            "U8" => (ElementType.UInt8, 8),
            "U16" => (ElementType.UInt16, 16),
            "U32" => (ElementType.UInt32, 32),
            "U64" => (ElementType.UInt64, 64),
            "BOOL" => (ElementType.Bool, 8),
            _ => (ElementType.Undefined, 0),
        };
        JsonElement dimensions = entry.GetProperty("shape"), offsets = entry.GetProperty("data_offsets");
        if (dimensions.GetArrayLength() > MostDimensions || offsets.GetArrayLength() != 2)
        {
            throw new ModelFormatException(id, $"the tensor '{name}' has {dimensions.GetArrayLength():N0} dimensions and {offsets.GetArrayLength()} offsets; at most {MostDimensions} and exactly 2 are read.");
        }

        long begin = offsets[0].GetInt64(), end = offsets[1].GetInt64();
        if (begin < 0 || end < begin || end > fileBytes - dataStart)
        {
            throw new ModelFormatException(id, $"the tensor '{name}' lies from byte {begin:N0} to {end:N0} of the data, and the file has {fileBytes - dataStart:N0} of them.");
        }

        long[] sizes = [.. dimensions.EnumerateArray().Select(size => size.GetInt64())];
        try
        {
            long count = 1;
            foreach (long size in sizes)
            {
                count = checked(count * (size >= 0 ? size : throw new OverflowException()));
            }

            return bits == 0 || checked(count * bits) == checked((end - begin) * 8)
                ? new SafetensorsTensor(name, type, typeName, new Shape(sizes), dataStart + begin)
                : throw new ModelFormatException(id, $"the tensor '{name}' of {typeName} [{string.Join(", ", sizes)}] takes {count * bits / 8:N0} bytes, and has {end - begin:N0}.");
        }
        catch (Exception exception) when (exception is OverflowException or ArgumentException)
        {
            throw new ModelFormatException(id, $"the tensor '{name}' has the impossible shape [{string.Join(", ", sizes)}].", exception);
        }
    }

    private static void Read(WeightSource source, long offset, Span<byte> destination)
    {
        try
        {
            source.Read(offset, destination);
        }
        catch (Exception exception) when (exception is not OnnxStreamException)
        {
            throw new WeightsException($"{source.Id}: the file cannot be read: {exception.Message}", exception);
        }
    }
}
