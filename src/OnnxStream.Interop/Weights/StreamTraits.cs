using OnnxStream.Interop.Native;

namespace OnnxStream.Interop.Weights;

/// <summary>How the streams of a provider bring weights in, as far as a plan depends on it.</summary>
/// <param name="ReadsPartsOfOwn">Whether many reads of a few kilobytes cost little more than one of all, for sources of the <see cref="LocalRoute"/>.</param>
/// <param name="CopiedBytes">Ranges up to this size are read into buffers that are kept: for a panel that is faster than memory that comes and goes. 0 for none.</param>
/// <param name="Mapping">What is used where it lies in a mapped file.</param>
internal readonly record struct StreamTraits(bool ReadsPartsOfOwn, long CopiedBytes, Mapping Mapping = Mapping.None)
{
    /// <summary>The largest panel that is read into a buffer. Panels of convolutions by Winograd's algorithm may be larger: up to 8 MB.</summary>
    public const long PanelBytes = 1280 << 10;

    /// <summary>What the memory of larger ranges begins and ends at multiples of, so that the system can have its pages back.</summary>
    public const int PageBytes = 4096;

    // What is smaller is acquired by the dozen, and is a few pages.
    private const long LeastCopiedBytes = 64 << 10;

    /// <summary>The route of a user's sources that are local files.</summary>
    public WeightRoute LocalRoute { get; init; }

    /// <summary>The route of a user's other sources.</summary>
    public WeightRoute OtherRoute { get; init; }

    /// <summary>Whether what a provider's reader reads ahead is memory of this process, beside that of the library.</summary>
    public bool HoldsWindowBeside { get; init; }

    /// <summary>What may stay of mapped files when nobody uses it, beside what a plan counts.</summary>
    public long KeptBytes { get; init; }

    /// <summary>The files that the provider's streams have mapped; null where each maps its own.</summary>
    public MappedFiles? SharedFiles { get; init; }

    /// <summary>The same, but panels are read.</summary>
    public StreamTraits WithoutPanels => Mapping == Mapping.Panels ? this with { Mapping = Mapping.None } : this;

    /// <summary>The memory that a range takes while it is in use, where it is read.</summary>
    public static long ResidentBytes(in WeightRange range) => checked(range.Length > LeastCopiedBytes
        ? (range.Length + XnnpackLibrary.ReadPastEnd + PageBytes - 1) / PageBytes * PageBytes
        : CountedMemory.Align(range.Length + XnnpackLibrary.ReadPastEnd));

    /// <summary>The route of a source. A panel store is a file of the library's own, whatever the provider.</summary>
    public WeightRoute RouteOf(WeightSource source) =>
        source.IsPanelStore ? WeightRoute.File : source.LocalPath is null ? OtherRoute : LocalRoute;

    /// <summary>Whether many reads of a few kilobytes from a source cost little more than one of all.</summary>
    public bool ReadsParts(WeightSource source) => ReadsPartsOfOwn && RouteOf(source) == LocalRoute;

    /// <summary>Whether a range is used where it lies in a mapped file, if the system allows it.</summary>
    public bool Maps(in WeightRange range) =>
        (Mapping == Mapping.Files || (Mapping == Mapping.Panels && range.IsPanel)) && RouteOf(range.Source) == WeightRoute.File;

    /// <summary>Whether a range is read into a buffer, if one is free.</summary>
    public bool Copies(in WeightRange range) =>
        range.Length > LeastCopiedBytes && range.Length <= CopiedBytes && RouteOf(range.Source) != WeightRoute.Slot && !Maps(range);

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

    /// <summary>Whether a reader of the provider's holds what it reads ahead of a schedule in memory of this process.</summary>
    public bool HoldsWindowBesideOf(IReadOnlyList<WeightRange> schedule)
    {
        StreamTraits traits = this;
        return HoldsWindowBeside && schedule.Any(range => traits.RouteOf(range.Source) == WeightRoute.Reader);
    }

    /// <summary>Whether any of what is read ahead of a schedule is memory of this process.</summary>
    public bool HoldsWindow(IReadOnlyList<WeightRange> schedule)
    {
        StreamTraits traits = this;
        return HoldsWindowBesideOf(schedule) || schedule.Any(range => traits.RouteOf(range.Source) == WeightRoute.Slot);
    }
}
