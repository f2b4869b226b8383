namespace OnnxStream.Interop.Sessions;

/// <summary>Takes tensors apart along one axis, and puts them together.</summary>
internal static class TensorSlices
{
    /// <summary>The part of a tensor at one position of an axis; the axis is gone.</summary>
    public static TensorBuffer Take(TensorBuffer tensor, int axis, long position)
    {
        Shape shape = tensor.Shape;
        TensorBuffer slice = new(tensor.ElementType, new Shape([.. shape.Dimensions[..axis], .. shape.Dimensions[(axis + 1)..]]));
        int run = checked((int)(shape.Product(axis + 1, shape.Rank) * tensor.ElementType.SizeOf()));
        long stride = shape[axis] * run;
        for (long outer = 0; outer < shape.Product(0, axis); outer++)
        {
            tensor.Bytes.Slice((int)(outer * stride + position * run), run).CopyTo(slice.Bytes[(int)(outer * run)..]);
        }

        return slice;
    }

    /// <summary>Puts slices of one type side by side along a new axis.</summary>
    /// <param name="slices">The slices, in the order of their positions; at most <paramref name="length"/>.</param>
    /// <param name="type">The type of each.</param>
    /// <param name="axis">Where the new axis goes, from 0 to the rank of the slices.</param>
    /// <param name="length">The length of the new axis; what no slice fills is zero.</param>
    public static TensorBuffer Stack(IReadOnlyList<TensorBuffer> slices, TensorType type, int axis, long length)
    {
        Shape shape = type.Shape;
        TensorBuffer stack = new(type.ElementType, new Shape([.. shape.Dimensions[..axis], length, .. shape.Dimensions[axis..]]));
        int run = checked((int)(shape.Product(axis, shape.Rank) * type.ElementType.SizeOf()));
        for (int position = 0; position < slices.Count; position++)
        {
            for (long outer = 0; outer < shape.Product(0, axis); outer++)
            {
                slices[position].Bytes.Slice((int)(outer * run), run).CopyTo(stack.Bytes[(int)((outer * length + position) * run)..]);
            }
        }

        return stack;
    }
}
