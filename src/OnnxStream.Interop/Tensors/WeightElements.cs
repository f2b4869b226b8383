using System.Runtime.InteropServices;

namespace OnnxStream.Interop.Tensors;

/// <summary>Converts the elements of weights from the type in which they are stored to the one that is computed with.</summary>
internal static unsafe class WeightElements
{
    // Elements that are converted at a time; a part of them may begin with any byte.
    private const int PieceElements = 4096;

    /// <summary>Converts all elements of a constant.</summary>
    /// <param name="constant">Says from which type to which.</param>
    /// <param name="source">The stored bytes.</param>
    /// <param name="destination">Receives the elements.</param>
    public static void Convert(Constant constant, byte* source, Span<byte> destination)
    {
        if (constant.Type.ElementType == constant.StoredType)
        {
            PackedElements.Unpack(constant.StoredType, new ReadOnlySpan<byte>(source, checked((int)constant.Type.PackedByteLength)), destination);
        }
        else
        {
            ToFloat32(constant, 0, source, MemoryMarshal.Cast<byte, float>(destination));
        }
    }

    /// <summary>Reads all elements of a constant that is not stored in single precision, piece by piece.</summary>
    /// <param name="constant">The constant.</param>
    /// <param name="destination">Receives the elements.</param>
    /// <exception cref="WeightsException">It cannot be read.</exception>
    public static void Read(Constant constant, Span<float> destination)
    {
        byte[] stored = new byte[StoredBytes(constant, Math.Min(PieceElements, destination.Length)) + 1];
        for (int done = 0; done < destination.Length; done += PieceElements)
        {
            Span<float> piece = destination.Slice(done, Math.Min(PieceElements, destination.Length - done));
            int bytes = constant.Encoding is { } encoding ? (int)encoding.BytesOf(piece.Length) : (int)((piece.Length * (long)constant.StoredType.SizeOf() + constant.StoredType.PerByte() - 1) / constant.StoredType.PerByte());
            constant.Read(StoredBytes(constant, done), stored.AsSpan(0, bytes));
            fixed (byte* source = stored)
            {
                ToFloat32(constant, done, source, piece);
            }
        }
    }

    /// <summary>The bytes of some elements where they are stored.</summary>
    /// <param name="constant">The constant.</param>
    /// <param name="elements">How many: a whole number of bytes, or of blocks.</param>
    public static long StoredBytes(Constant constant, long elements) => constant.Encoding is { } encoding ? encoding.BytesOf(elements) : constant.IsPacked ? elements / constant.StoredType.PerByte() : elements * constant.StoredType.SizeOf();

    /// <summary>Converts stored elements to single precision.</summary>
    /// <param name="constant">Says from which type, and what stored numbers stand for.</param>
    /// <param name="first">Which of its elements is the first.</param>
    /// <param name="source">The first stored element; need not be aligned.</param>
    /// <param name="destination">Receives as many elements as it has room for.</param>
    /// <exception cref="WeightsException">Scales cannot be read.</exception>
    public static void ToFloat32(Constant constant, long first, byte* source, Span<float> destination)
    {
        if (constant.Quantization is not { } quantization)
        {
            Numbers(constant, source, destination);
            return;
        }

        // Row by row, as the quantization sees them.
        float[]? rented = null;
        long end = first + destination.Length;
        for (long row = first / quantization.RowLength; row * quantization.RowLength < end; row++)
        {
            long from = Math.Max(first, row * quantization.RowLength);
            int count = (int)(Math.Min(end, (row + 1) * quantization.RowLength) - from);
            long column = from % quantization.RowLength;
            int room = checked((int)(QuantizationFactors.Bytes(quantization, 1, count) / sizeof(float)));
            if (rented is null || rented.Length < room)
            {
                rented = new float[room];
            }

            fixed (float* memory = rented)
            {
                QuantizationFactors factors = new(quantization, row, 1, column, count, memory);
                Numbers(constant, source + StoredBytes(constant, from - first), destination.Slice((int)(from - first), count));
                factors.Apply(row, column, destination.Slice((int)(from - first), count));
            }
        }
    }

    /// <summary>Stored numbers, without scales and zero points, in single precision.</summary>
    /// <param name="constant">Says from which type.</param>
    /// <param name="source">The first stored element, which begins with a byte, or with a block.</param>
    /// <param name="destination">Receives as many elements as it has room for.</param>
    public static void Numbers(Constant constant, byte* source, Span<float> destination)
    {
        if (constant.Encoding is { } encoding)
        {
            encoding.Expand(source, destination);
            return;
        }

        if (!constant.IsPacked)
        {
            QuantizedNumbers.ToSingle(constant.StoredType, source, destination);
            return;
        }

        byte* elements = stackalloc byte[PieceElements];
        int perByte = constant.StoredType.PerByte();
        while (destination.Length > 0)
        {
            int count = Math.Min(PieceElements, destination.Length);
            PackedElements.Unpack(constant.StoredType, new ReadOnlySpan<byte>(source, (count + perByte - 1) / perByte), new Span<byte>(elements, count));
            QuantizedNumbers.ToSingle(constant.StoredType, elements, destination[..count]);
            destination = destination[count..];
            source += PieceElements / perByte;
        }
    }
}
