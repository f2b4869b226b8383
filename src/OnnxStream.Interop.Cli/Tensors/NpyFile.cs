using System.Buffers.Binary;
using System.Runtime.InteropServices;

namespace OnnxStream.Interop.Cli.Tensors;

/// <summary>Reads and writes NumPy's <c>.npy</c> files: a header (<see cref="NpyHeader"/>) and the bare elements.</summary>
/// <remarks>
/// Versions 1 to 3, both byte orders and both memory orders are read. This machine's byte order and row-major order are
/// written.
/// </remarks>
internal static class NpyFile
{
    /// <summary>Reads a file.</summary>
    /// <exception cref="FileNotFoundException">There is no such file.</exception>
    /// <exception cref="ModelFormatException">It is not a whole <c>.npy</c> file, or has elements that tensors cannot have.</exception>
    public static TensorBuffer Load(string path)
    {
        using FileStream stream = File.OpenRead(path);
        return Read(stream, path);
    }

    /// <summary>Writes a file; one that is there already is replaced when the new one is complete.</summary>
    public static void Save(string path, TensorBuffer tensor)
    {
        using UnfinishedPath partial = new(path + ".partial");
        using (FileStream stream = File.Create(partial.Path))
        {
            Write(stream, tensor);
        }

        File.Move(partial.Path, path, overwrite: true);
    }

    /// <summary>Reads a tensor that fills the rest of a stream.</summary>
    /// <param name="stream">A stream that knows its length.</param>
    /// <param name="path">What error messages call the stream.</param>
    /// <exception cref="ModelFormatException">As for <see cref="Load"/>.</exception>
    public static TensorBuffer Read(Stream stream, string path)
    {
        NpyHeader header = NpyHeader.Read(stream, path);

        // Compared before anything is allocated, so that a damaged header cannot ask for gigabytes.
        long expected = header.Type.ByteLength;
        long found = stream.Length - stream.Position;
        if (found != expected)
        {
            throw new ModelFormatException(path, $"{header.Type} takes {expected:N0} bytes, but {found:N0} follow the header at byte {stream.Position:N0}.");
        }

        if (expected > Array.MaxLength)
        {
            throw new ModelFormatException(path, $"{header.Type} takes {expected:N0} bytes; at most {Array.MaxLength:N0} are possible.");
        }

        TensorBuffer tensor = new(header.Type.ElementType, header.Type.Shape);
        stream.ReadExactly(tensor.Bytes);
        if (header.IsBigEndian == BitConverter.IsLittleEndian)
        {
            ReverseBytes(tensor);
        }

        if (tensor.ElementType == ElementType.Bool && tensor.Bytes.IndexOfAnyExceptInRange((byte)0, (byte)1) is var index and >= 0)
        {
            throw new ModelFormatException(path, $"element {index:N0} is {tensor.Bytes[index]}; a bool is 0 or 1.");
        }

        // Integers of 4 and 2 bits, and 4-bit floats, have fewer values than a byte.
        if (tensor.ElementType.PerByte() > 1 && TensorBuffer.FromPacked(tensor.ElementType, tensor.ToPacked(), tensor.Shape.Dimensions).Bytes.CommonPrefixLength(tensor.Bytes) is var same && same < tensor.Bytes.Length)
        {
            throw new ModelFormatException(path, $"element {same:N0} is the byte {tensor.Bytes[same]}, which is no {tensor.ElementType.ToOnnxName()}.");
        }

        return header.IsFortranOrder && tensor.Shape.Rank > 1 ? ToRowMajor(tensor) : tensor;
    }

    /// <summary>Writes a tensor.</summary>
    public static void Write(Stream stream, TensorBuffer tensor)
    {
        new NpyHeader(tensor.Type, IsFortranOrder: false, IsBigEndian: !BitConverter.IsLittleEndian).Write(stream);
        stream.Write(tensor.Bytes);
    }

    private static void ReverseBytes(TensorBuffer tensor)
    {
        switch (tensor.ElementType.SizeOf())
        {
            case 2:
                Span<ushort> words = MemoryMarshal.Cast<byte, ushort>(tensor.Bytes);
                BinaryPrimitives.ReverseEndianness(words, words);
                break;
            case 4:
                Span<uint> doubleWords = MemoryMarshal.Cast<byte, uint>(tensor.Bytes);
                BinaryPrimitives.ReverseEndianness(doubleWords, doubleWords);
                break;
            case 8:
                Span<ulong> quadWords = MemoryMarshal.Cast<byte, ulong>(tensor.Bytes);
                BinaryPrimitives.ReverseEndianness(quadWords, quadWords);
                break;
        }
    }

    private static TensorBuffer ToRowMajor(TensorBuffer columnMajor)
    {
        TensorBuffer rowMajor = new(columnMajor.ElementType, columnMajor.Shape);
        switch (columnMajor.ElementType.SizeOf())
        {
            case 1:
                Reorder<byte>(columnMajor, rowMajor);
                break;
            case 2:
                Reorder<ushort>(columnMajor, rowMajor);
                break;
            case 4:
                Reorder<uint>(columnMajor, rowMajor);
                break;
            default:
                Reorder<ulong>(columnMajor, rowMajor);
                break;
        }

        return rowMajor;
    }

    private static void Reorder<T>(TensorBuffer columnMajor, TensorBuffer rowMajor)
        where T : unmanaged
    {
        ReadOnlySpan<T> source = MemoryMarshal.Cast<byte, T>(columnMajor.Bytes);
        Span<T> destination = MemoryMarshal.Cast<byte, T>(rowMajor.Bytes);
        ReadOnlySpan<long> dimensions = columnMajor.Shape.Dimensions;
        Span<int> strides = stackalloc int[dimensions.Length];
        int stride = 1;
        for (int i = 0; i < strides.Length; i++)
        {
            strides[i] = stride;
            stride *= (int)dimensions[i];
        }

        Span<int> indices = stackalloc int[dimensions.Length];
        indices.Clear();
        int offset = 0;
        foreach (ref T element in destination)
        {
            element = source[offset];

            // Counts like an odometer, the innermost dimension fastest, and keeps the source's offset in step.
            for (int i = indices.Length - 1; i >= 0; i--)
            {
                offset += strides[i];
                if (++indices[i] < dimensions[i])
                {
                    break;
                }

                offset -= indices[i] * strides[i];
                indices[i] = 0;
            }
        }
    }
}
