using OnnxStream.Interop.Native;

namespace OnnxStream.Interop.Weights;

/// <summary>How the streams of a provider bring weights in, as far as a plan depends on it.</summary>
/// <param name="ReadsParts">Whether many reads of a few kilobytes cost little more than one of all.</param>
/// <param name="CopiedBytes">Ranges up to this size are read into buffers that are kept: for a panel that is faster than memory that comes and goes. 0 for none.</param>
/// <param name="Mapping">What is used where it lies in a mapped file.</param>
internal readonly record struct StreamTraits(bool ReadsParts, long CopiedBytes, Mapping Mapping = Mapping.None)
{
    // What is smaller is acquired by the dozen, and is a few pages.
    private const long LeastCopiedBytes = 64 << 10;

    // XNNPACK may read a few bytes past the end of what it is given.
    private const int Padding = 64;

    /// <summary>What the memory of larger ranges begins and ends at multiples of, so that the system can have its pages back.</summary>
    public const int PageBytes = 4096;

    /// <summary>The same, but panels are read.</summary>
    public StreamTraits WithoutPanels => Mapping == Mapping.Panels ? this with { Mapping = Mapping.None } : this;

    /// <summary>The memory that a range takes while it is in use, where it is read.</summary>
    public static long ResidentBytes(in WeightRange range) => checked(range.Length > LeastCopiedBytes
        ? (range.Length + Padding + PageBytes - 1) / PageBytes * PageBytes
        : CountedMemory.Align(range.Length + Padding));

    /// <summary>Whether a range is used where it lies in a mapped file, if the system allows it.</summary>
    public bool Maps(in WeightRange range) => Mapping == Mapping.Files || (Mapping == Mapping.Panels && range.IsPanel);

    /// <summary>Whether a range is read into a buffer, if one is free.</summary>
    public bool Copies(in WeightRange range) => range.Length > LeastCopiedBytes && range.Length <= CopiedBytes && !Maps(range);

    /// <summary>The size of a buffer that any range of a schedule fits that is copied; 0 if none is.</summary>
    public long BufferBytes(IReadOnlyList<WeightRange> schedule)
    {
        long most = 0;
        foreach (WeightRange range in schedule)
        {
            most = Copies(range) ? Math.Max(most, range.Length) : most;
        }

        return most;
    }
}
