
namespace OnnxStream.Interop.Weights;

/// <summary>A run of bytes of one weight: what is asked of a <see cref="WeightsProvider"/>.</summary>
/// <param name="Name">The weight's name in the model.</param>
/// <param name="Path">The file that holds it, as an absolute path.</param>
/// <param name="Offset">The first byte, from the start of the file.</param>
/// <param name="Length">The number of bytes.</param>
public readonly record struct WeightRange(string Name, string Path, long Offset, long Length)
{
    /// <summary>Whether the range is a panel that kernels compute with where it is.</summary>
    internal bool IsPanel { get; init; }

    /// <summary>A part of the range.</summary>
    /// <param name="offset">The first byte, from the start of the range.</param>
    /// <param name="length">The number of bytes.</param>
    /// <exception cref="ArgumentOutOfRangeException">The part does not lie inside the range.</exception>
    public WeightRange Slice(long offset, long length)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(offset);
        ArgumentOutOfRangeException.ThrowIfNegative(length);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(offset, Length - length);
        return this with { Offset = Offset + offset, Length = length };
    }
}
