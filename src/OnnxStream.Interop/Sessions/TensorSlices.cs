namespace OnnxStream.Interop.Sessions;

/// <summary>Takes tensors apart along one axis, and puts them together.</summary>
internal static class TensorSlices
{
    /// <summary>The type of a part of a tensor at one position of an axis; the axis is gone.</summary>
    public static TensorType SliceType(TensorType type, int axis) =>
        new(type.ElementType, new Shape([.. type.Shape.Dimensions[..axis], .. type.Shape.Dimensions[(axis + 1)..]]));

    /// <summary>The type of slices side by side along a new axis.</summary>
    /// <param name="type">The type of each.</param>
    /// <param name="axis">Where the new axis goes, from 0 to the rank of the slices.</param>
    /// <param name="length">The length of the new axis.</param>
    public static TensorType StackType(TensorType type, int axis, long length) =>
        new(type.ElementType, new Shape([.. type.Shape.Dimensions[..axis], length, .. type.Shape.Dimensions[axis..]]));

    /// <summary>Copies the part of a tensor at one position of an axis.</summary>
    /// <param name="tensor">The tensor.</param>
    /// <param name="axis">The axis.</param>
    /// <param name="position">The position.</param>
    /// <param name="slice">Receives the part; of <see cref="SliceType"/>.</param>
    public static void Take(LiveTensor tensor, int axis, long position, LiveTensor slice)
    {
        Shape shape = tensor.Shape;
        Span<byte> source = tensor.Bytes;
        Span<byte> destination = slice.Bytes;
        int run = checked((int)(shape.Product(axis + 1, shape.Rank) * tensor.ElementType.SizeOf()));
        long stride = shape[axis] * run;
        for (long outer = 0; run > 0 && outer < shape.Product(0, axis); outer++)
        {
            source.Slice((int)(outer * stride + position * run), run).CopyTo(destination[(int)(outer * run)..]);
        }
    }

    /// <summary>Copies a part of a tensor that is some positions of an axis long.</summary>
    /// <param name="tensor">The tensor.</param>
    /// <param name="axis">The axis.</param>
    /// <param name="start">The first position.</param>
    /// <param name="length">The number of positions.</param>
    /// <param name="part">Receives the part.</param>
    public static void Take(LiveTensor tensor, int axis, long start, long length, LiveTensor part)
    {
        Shape shape = tensor.Shape;
        Span<byte> source = tensor.Bytes;
        Span<byte> destination = part.Bytes;
        long position = shape.Product(axis + 1, shape.Rank) * tensor.ElementType.SizeOf();
        int run = checked((int)(length * position));
        for (long outer = 0; run > 0 && outer < shape.Product(0, axis); outer++)
        {
            source.Slice((int)((outer * shape[axis] + start) * position), run).CopyTo(destination[(int)(outer * run)..]);
        }
    }

    /// <summary>Puts tensors behind each other along an axis.</summary>
    /// <param name="tensors">The tensors, which differ in that dimension at most.</param>
    /// <param name="axis">The axis.</param>
    /// <param name="whole">Receives them.</param>
    public static void Concat(IReadOnlyList<LiveTensor> tensors, int axis, LiveTensor whole)
    {
        Shape shape = whole.Shape;
        Span<byte> destination = whole.Bytes;
        int position = checked((int)(shape.Product(axis + 1, shape.Rank) * whole.ElementType.SizeOf()));
        long stride = shape[axis] * position;
        long before = 0;
        foreach (LiveTensor tensor in tensors)
        {
            Span<byte> source = tensor.Bytes;
            int run = checked((int)(tensor.Shape[axis] * position));
            for (long outer = 0; run > 0 && outer < shape.Product(0, axis); outer++)
            {
                source.Slice((int)(outer * run), run).CopyTo(destination[(int)(outer * stride + before)..]);
            }

            before += run;
        }
    }

    /// <summary>Puts slices of one type side by side along a new axis.</summary>
    /// <param name="slices">The slices, in the order of their positions.</param>
    /// <param name="type">The type of each.</param>
    /// <param name="axis">Where the new axis goes.</param>
    /// <param name="stack">Receives them; of <see cref="StackType"/>. What no slice fills is zero.</param>
    public static void Stack(IReadOnlyList<LiveTensor> slices, TensorType type, int axis, LiveTensor stack)
    {
        Shape shape = type.Shape;
        Span<byte> destination = stack.Bytes;
        long length = stack.Shape[axis];
        if (slices.Count < length)
        {
            destination.Clear();
        }

        int run = checked((int)(shape.Product(axis, shape.Rank) * type.ElementType.SizeOf()));
        for (int position = 0; position < slices.Count; position++)
        {
            Span<byte> source = slices[position].Bytes;
            for (long outer = 0; run > 0 && outer < shape.Product(0, axis); outer++)
            {
                source.Slice((int)(outer * run), run).CopyTo(destination[(int)((outer * length + position) * run)..]);
            }
        }
    }
}
