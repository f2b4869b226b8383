using System.Numerics.Tensors;
using System.Runtime.InteropServices;

namespace OnnxStream.Interop.Tensors;

/// <summary>Copies constants into files in pieces, so that no weight is ever in memory as a whole, converting and transposing on the way.</summary>
internal static unsafe class WeightCopier
{
    private const int PieceBytes = 4 << 20;

    /// <summary>Writes the elements of <paramref name="constant"/> in the order of its shape, from where <paramref name="destination"/> stands.</summary>
    /// <param name="constant">A constant in memory or in a file.</param>
    /// <param name="type">The type to write: the stored one; float32 or float16 for floating-point numbers; int64 for integers and truth values.</param>
    /// <param name="destination">Where the elements go.</param>
    /// <returns>False if a finite number became infinite in half precision.</returns>
    /// <remarks>Elements that share bytes stay as they are, whatever <paramref name="type"/> is.</remarks>
    public static bool Copy(Constant constant, ElementType type, Stream destination)
    {
        Shape shape = constant.Type.Shape;
        return constant.IsChannelsLast
            ? CopyTransposed(constant, type, destination, shape[0], shape.Product(2, shape.Rank), shape[1])
            : CopyInOrder(constant, type, destination);
    }

    /// <summary>As <see cref="Copy"/>, a weight [N, C, space…] as [N, space…, C].</summary>
    public static bool CopyChannelsLast(Constant constant, ElementType type, Stream destination)
    {
        Shape shape = constant.Type.Shape;
        return constant.IsChannelsLast
            ? CopyInOrder(constant, type, destination)
            : CopyTransposed(constant, type, destination, shape[0], shape[1], shape.Product(2, shape.Rank));
    }

    /// <summary>As <see cref="Copy"/>, a matrix transposed.</summary>
    public static bool CopyTransposedMatrix(Constant constant, ElementType type, Stream destination) =>
        CopyTransposed(constant, type, destination, 1, constant.Type.Shape[0], constant.Type.Shape[1]);

    /// <summary>The elements of a small constant in the order of its shape.</summary>
    public static byte[] ToBytes(Constant constant, ElementType type)
    {
        using MemoryStream bytes = new();
        Copy(constant, type, bytes);
        return bytes.ToArray();
    }

    private static bool CopyInOrder(Constant constant, ElementType type, Stream destination)
    {
        if (constant.IsPacked)
        {
            CopyPacked(constant, destination);
            return true;
        }

        long count = constant.Type.Shape.ElementCount;
        int piece = PieceBytes / sizeof(double);
        byte[] stored = new byte[WeightElements.StoredBytes(constant, Math.Min(piece, count))];
        bool fits = true;
        for (long done = 0; done < count; done += piece)
        {
            int length = (int)Math.Min(piece, count - done);
            int bytes = (int)WeightElements.StoredBytes(constant, length);
            constant.Read(WeightElements.StoredBytes(constant, done), stored.AsSpan(0, bytes));
            destination.Write(Convert(constant, done, stored.AsSpan(0, bytes), type, ref fits));
        }

        return fits;
    }

    private static void CopyPacked(Constant constant, Stream destination)
    {
        long length = constant.Type.PackedByteLength;
        byte[] piece = new byte[Math.Min(PieceBytes, length)];
        for (long done = 0; done < length; done += piece.Length)
        {
            Span<byte> part = piece.AsSpan(0, (int)Math.Min(piece.Length, length - done));
            constant.Read(done, part);
            destination.Write(part);
        }
    }

    // [outer, rows, columns] to [outer, columns, rows]. A band of rows is read at once; where it is not all of them, each of
    // its columns is a part of a row of the result, and goes to its own place in the file.
    private static bool CopyTransposed(Constant constant, ElementType type, Stream destination, long outer, long rows, long columns)
    {
        bool fits = true;
        if (outer == 0 || rows == 0 || columns == 0)
        {
            return fits;
        }

        int size = type.SizeOf();
        long start = destination.Position;
        int bandRows = (int)Math.Clamp(PieceBytes / (columns * sizeof(double)), 1, rows);
        byte[] stored = new byte[checked(WeightElements.StoredBytes(constant, bandRows * columns))];
        byte[] transposed = new byte[checked(bandRows * columns * size)];
        for (long matrix = 0; matrix < outer; matrix++)
        {
            for (long row = 0; row < rows; row += bandRows)
            {
                int band = (int)Math.Min(bandRows, rows - row);
                Span<byte> source = stored.AsSpan(0, (int)WeightElements.StoredBytes(constant, band * columns));
                Read(constant, (matrix * rows + row) * columns, source);
                ReadOnlySpan<byte> converted = Convert(constant, (matrix * rows + row) * columns, source, type, ref fits);
                Transpose(converted, transposed, band, (int)columns, size);
                if (band == rows)
                {
                    destination.Write(transposed, 0, converted.Length);
                    continue;
                }

                for (int column = 0; column < columns; column++)
                {
                    destination.Position = start + ((matrix * columns + column) * rows + row) * size;
                    destination.Write(transposed, column * band * size, band * size);
                }
            }
        }

        destination.Position = start + outer * rows * columns * size;
        return fits;
    }

    private static void Transpose(ReadOnlySpan<byte> source, Span<byte> destination, int rows, int columns, int size)
    {
        switch (size)
        {
            case 1:
                Transpose<byte>(source, destination, rows, columns);
                break;
            case 2:
                Transpose<ushort>(source, destination, rows, columns);
                break;
            case 4:
                Transpose<uint>(source, destination, rows, columns);
                break;
            default:
                Transpose<ulong>(source, destination, rows, columns);
                break;
        }
    }

    private static void Transpose<T>(ReadOnlySpan<byte> source, Span<byte> destination, int rows, int columns)
        where T : unmanaged
    {
        ReadOnlySpan<T> from = MemoryMarshal.Cast<byte, T>(source);
        Span<T> to = MemoryMarshal.Cast<byte, T>(destination);
        for (int row = 0; row < rows; row++)
        {
            ReadOnlySpan<T> values = from.Slice(row * columns, columns);
            for (int column = 0; column < values.Length; column++)
            {
                to[column * rows + row] = values[column];
            }
        }
    }

    private static void Read(Constant constant, long firstElement, Span<byte> destination) =>
        constant.Read(WeightElements.StoredBytes(constant, firstElement), destination);

    private static ReadOnlySpan<byte> Convert(Constant constant, long first, ReadOnlySpan<byte> stored, ElementType type, ref bool fits)
    {
        if (type == constant.StoredType)
        {
            return stored;
        }

        if (type == ElementType.Int64)
        {
            return MemoryMarshal.AsBytes(Widen(constant.StoredType, stored).AsSpan());
        }

        float[] numbers = new float[constant.Encoding is { } encoding ? stored.Length / encoding.Bytes * encoding.Elements : stored.Length / constant.StoredType.SizeOf()];
        fixed (byte* source = stored)
        {
            WeightElements.ToFloat32(constant, first, source, numbers);
        }

        if (type == ElementType.Float32)
        {
            return MemoryMarshal.AsBytes(numbers.AsSpan());
        }

        Half[] halves = new Half[numbers.Length];
        TensorPrimitives.ConvertToHalf(numbers, halves);
        for (int i = 0; i < halves.Length; i++)
        {
            fits &= Half.IsFinite(halves[i]) || !float.IsFinite(numbers[i]);
        }

        return MemoryMarshal.AsBytes(halves.AsSpan());
    }

    private static long[] Widen(ElementType from, ReadOnlySpan<byte> stored) => from switch
    {
        ElementType.Int32 => Array.ConvertAll(MemoryMarshal.Cast<byte, int>(stored).ToArray(), value => (long)value),
        ElementType.Int16 => Array.ConvertAll(MemoryMarshal.Cast<byte, short>(stored).ToArray(), value => (long)value),
        ElementType.Int8 => Array.ConvertAll(MemoryMarshal.Cast<byte, sbyte>(stored).ToArray(), value => (long)value),
        ElementType.UInt32 => Array.ConvertAll(MemoryMarshal.Cast<byte, uint>(stored).ToArray(), value => (long)value),
        ElementType.UInt16 => Array.ConvertAll(MemoryMarshal.Cast<byte, ushort>(stored).ToArray(), value => (long)value),
        ElementType.UInt8 or ElementType.Bool => Array.ConvertAll(stored.ToArray(), value => (long)value),
        _ => throw new InvalidOperationException($"Elements of type {from} are not written as int64."),
    };
}
