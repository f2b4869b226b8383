using System.Runtime.InteropServices;
using OnnxStream.Interop.Tensors;

namespace OnnxStream.Interop.Quantization;

/// <summary>The numbers of a weight in single precision, in the order of its shape, a part at a time.</summary>
/// <param name="constant">A constant of floating-point numbers in memory or in a file, however it is stored there.</param>
internal sealed class FloatWeight(Constant constant)
{
    /// <summary>The weight.</summary>
    public Constant Constant => constant;

    /// <summary>Its shape.</summary>
    public Shape Shape => constant.Type.Shape;

    /// <summary>How many numbers there are.</summary>
    public long Count => Shape.ElementCount;

    /// <summary>Reads numbers.</summary>
    /// <param name="first">The first one.</param>
    /// <param name="destination">Receives as many as it has room for.</param>
    /// <exception cref="WeightsException">They cannot be read.</exception>
    public void Read(long first, Span<float> destination)
    {
        if (!constant.IsChannelsLast)
        {
            ReadStored(first, destination);
            return;
        }

        // Stored as [N, space, C]: of each image of the kernel that is touched, all is read.
        int channels = checked((int)Shape[1]);
        int space = checked((int)Shape.Product(2, Shape.Rank));
        float[] stored = new float[checked(channels * space)];
        while (destination.Length > 0)
        {
            long image = first / stored.Length;
            int start = (int)(first % stored.Length);
            int count = Math.Min(destination.Length, stored.Length - start);
            ReadStored(image * stored.Length, stored);
            for (int i = 0; i < count; i++)
            {
                int element = start + i;
                destination[i] = stored[element % space * channels + element / space];
            }

            first += count;
            destination = destination[count..];
        }
    }

    /// <summary>Reads all numbers of some output channels, those of a channel behind each other.</summary>
    /// <param name="layout">Where they lie.</param>
    /// <param name="first">The first channel.</param>
    /// <param name="count">How many channels.</param>
    /// <param name="rows">Receives them.</param>
    /// <param name="stride">The numbers from a channel to the next in <paramref name="rows"/>.</param>
    /// <exception cref="WeightsException">They cannot be read.</exception>
    public void ReadChannels(WeightLayout layout, long first, int count, Span<float> rows, int stride)
    {
        int inner = checked((int)layout.Inner);
        if (layout.Outer == 1 && stride == inner)
        {
            Read(first * inner, rows[..(count * inner)]);
            return;
        }

        float[] beside = new float[checked(count * inner)];
        for (long outer = 0; outer < layout.Outer; outer++)
        {
            Read((outer * layout.Channels + first) * inner, beside);
            int column = checked((int)(outer * inner));
            for (int channel = 0; channel < count; channel++)
            {
                beside.AsSpan(channel * inner, inner).CopyTo(rows[(channel * stride + column)..]);
            }
        }
    }

    private void ReadStored(long first, Span<float> destination)
    {
        if (constant is { StoredType: ElementType.Float32, Quantization: null })
        {
            constant.Read(first * sizeof(float), MemoryMarshal.AsBytes(destination));
        }
        else
        {
            WeightElements.Read(constant.Part(first, new Shape(destination.Length)), destination);
        }
    }
}
