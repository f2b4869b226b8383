namespace OnnxStream.Interop.Pipelines;

/// <summary>Single-precision tensors put together along their first dimension, and taken apart again.</summary>
internal static class TensorBatch
{
    /// <summary>How many of <paramref name="count"/> items one run takes: what the model declares, or all where it leaves that open.</summary>
    public static int Size(ValueMetadata input, int count) =>
        input.Dimensions is not [var batch, ..] ? 1 :
        batch.IsKnown ? checked((int)batch.Value) : count;

    /// <summary>How many items one set of inputs takes: what the model declares, or one where it leaves that open. Sets go through the model together.</summary>
    public static int SetSize(ValueMetadata input) => Size(input, 1);

    /// <summary>Puts <paramref name="size"/> items from <paramref name="start"/> on into one tensor; the last fills what lacks.</summary>
    public static TensorBuffer Stack(IReadOnlyList<TensorBuffer> items, int start, int size)
    {
        Shape shape = items[start].Shape;
        TensorBuffer batch = new(ElementType.Float32, shape.With(0, size));
        for (int i = 0; i < size; i++)
        {
            TensorBuffer item = items[Math.Min(start + i, items.Count - 1)];
            if (item.Shape != shape)
            {
                throw new ArgumentException($"Tensors of {shape} and {item.Shape} cannot be one batch.", nameof(items));
            }

            item.Span<float>().CopyTo(batch.Span<float>()[checked((int)(i * shape.ElementCount))..]);
        }

        return batch;
    }

    /// <summary>The item at <paramref name="index"/> as a batch of one.</summary>
    public static TensorBuffer Item(TensorBuffer batch, int index)
    {
        Shape shape = batch.Shape.With(0, 1);
        int length = checked((int)shape.ElementCount);
        return TensorBuffer.Create<float>(batch.Span<float>().Slice(index * length, length), shape.Dimensions);
    }
}
