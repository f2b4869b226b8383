using OnnxStream.Interop.Tensors;

namespace OnnxStream.Interop.Kernels;

/// <summary>How a kernel's data lies in memory before and after it. Kernels that know this compute in single precision either way.</summary>
/// <param name="Input">The element type of the data that is read.</param>
/// <param name="Output">The element type of the results.</param>
internal readonly record struct StorageTypes(ElementType Input, ElementType Output)
{
    /// <summary>Elements from a row of results to the next where they are a stripe of a wider tensor; 0 where rows lie behind each other.</summary>
    public long StripeStride { get; init; }

    /// <summary>How rows of data lie in memory.</summary>
    public RowFormat Data => RowFormat.Of(Input);

    /// <summary>How rows of results lie in memory.</summary>
    public RowFormat Results => RowFormat.Of(Output);

    /// <summary>Whether data has to be expanded before it is used.</summary>
    public bool Expands => !Data.IsSingle;

    /// <summary>Whether results have to be rounded before they are stored.</summary>
    public bool Rounds => !Results.IsSingle;

    /// <summary>Elements from a row of <paramref name="columns"/> results to the next.</summary>
    public long ResultStride(long columns) => StripeStride == 0 ? columns : StripeStride;

    /// <summary>Bytes from a row of <paramref name="columns"/> results to the next.</summary>
    public long ResultRowBytes(long columns) => Results.Bytes(ResultStride(columns));

    /// <summary>Where an element of the results is, in bytes from the first.</summary>
    /// <param name="row">Its row.</param>
    /// <param name="columns">The results in a row.</param>
    /// <param name="first">Its number in the row: a multiple of <see cref="RowFormat.Together"/>.</param>
    public long ResultOffset(long row, long columns, long first) => row * ResultRowBytes(columns) + Results.Bytes(first);
}
