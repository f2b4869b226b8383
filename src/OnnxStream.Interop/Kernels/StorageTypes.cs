using OnnxStream.Interop.Tensors;

namespace OnnxStream.Interop.Kernels;

/// <summary>How a kernel's data lies in memory before and after it. Kernels that know this compute in single precision either way.</summary>
/// <param name="Input">The element type of the data that is read: half or single precision.</param>
/// <param name="Output">The element type of the results.</param>
internal readonly record struct StorageTypes(ElementType Input, ElementType Output)
{
    /// <summary>Elements from a row of results to the next where they are a stripe of a wider tensor; 0 where rows lie behind each other.</summary>
    public long StripeStride { get; init; }

    /// <summary>Whether data has to be expanded.</summary>
    public bool ReadsHalf => Input == ElementType.Float16;

    /// <summary>Whether results have to be rounded.</summary>
    public bool WritesHalf => Output == ElementType.Float16;

    /// <summary>The bytes of an element that is read.</summary>
    public int InputSize => ReadsHalf ? 2 : sizeof(float);

    /// <summary>The bytes of an element that is written.</summary>
    public int OutputSize => WritesHalf ? 2 : sizeof(float);

    /// <summary>Elements from a row of <paramref name="columns"/> results to the next.</summary>
    public long ResultStride(long columns) => StripeStride == 0 ? columns : StripeStride;

    /// <summary>Half precision to single.</summary>
    public static unsafe void Expand(byte* source, float* destination, int count) =>
        HalfConversion.ToSingle((Half*)source, destination, count);

    /// <summary>Single precision to the nearest half; what is out of its range becomes infinite.</summary>
    public static unsafe void Round(float* source, byte* destination, int count) =>
        HalfConversion.FromSingle(source, (Half*)destination, count);
}
