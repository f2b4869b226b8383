namespace OnnxStream.Interop.Weights;

/// <summary>A policy for bringing weights in: how far to read ahead, what to keep. Derive from it to read weights in a way of your own.</summary>
/// <remarks>
/// <para>
/// A session knows before it runs which bytes it needs in which order. A provider that only implements <see cref="Read"/> is called ahead of
/// use, from a thread of the library, within <see cref="WindowBytes"/>; the library frees the bytes after use. A provider that reads ahead by
/// itself derives from <see cref="ScheduledWeightsProvider"/>.
/// </para>
/// <para>
/// A provider sees every read of the model's files that a session makes, and none of a panel store's: that is the library's own file.
/// One provider may serve several sessions at once, so every member must be safe to call from several threads. Exceptions reach the caller
/// of the session inside a <see cref="WeightsException"/> that names the source and the weight.
/// </para>
/// </remarks>
public abstract class WeightsProvider : IDisposable
{
    /// <summary>How far <see cref="DiskPrefetch"/> reads ahead unless told otherwise: 16 MiB, more than any panel.</summary>
    public const long DefaultWindowBytes = 16L << 20;

    /// <summary>Makes a provider.</summary>
    /// <param name="windowBytes">How many bytes may be read ahead of use; 0 means that nothing is read before it is needed.</param>
    protected WeightsProvider(long windowBytes = DefaultWindowBytes)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(windowBytes);
        WindowBytes = windowBytes;
    }

    /// <summary>How many bytes each session may read ahead of use. A <see cref="SessionOptions.MemoryBudget"/> may leave a session less.</summary>
    public long WindowBytes { get; }

    /// <summary>Whether many reads of a few kilobytes cost little more than one of all; false unless overridden.</summary>
    /// <remarks>
    /// If so, the rows of a panel are read from large matrices that lie as [inputs, outputs] where they are packed in each run; otherwise
    /// such a matrix is brought in whole. It must not change while the provider is used. It is true for local files of the library's own providers.
    /// </remarks>
    public virtual bool ReadsParts => false;

    /// <summary>Weights are read when a step needs them and released right after it: the least memory.</summary>
    public static WeightsProvider DiskNoCache() => new FileWeightsProvider(0);

    /// <summary>As <see cref="DiskNoCache"/>, and a thread has the next bytes read into the system's cache of files while the current step computes. Packed weights are used in the mapped file where that is quicker.</summary>
    /// <param name="windowBytes">How many bytes are read ahead of use, at first. Those of local files are not memory of this process until they are used, so they become more where the disk is behind, up to half of the memory that is free and a quarter of all that there is. Those of other sources are memory, and stay that many.</param>
    public static WeightsProvider DiskPrefetch(long windowBytes = DefaultWindowBytes) => new FileWeightsProvider(windowBytes, PanelMapping);

    /// <summary>As <see cref="DiskPrefetch"/>, but local files are mapped into memory: kernels get the pages themselves, which are let go after use.</summary>
    /// <param name="windowBytes">How many bytes are read ahead of use.</param>
    /// <param name="keptBytes">
    /// How many bytes of pages may stay when they are not used, once a plan has run sixteen times: mapping them again and again costs more than a token of a
    /// language model takes to compute. They are neither counted nor limited by a budget, as they are the system's, which takes them back when it needs memory.
    /// </param>
    /// <remarks>
    /// For files that nobody changes: where a mapped file becomes shorter while it is read, the operating system ends the process.
    /// </remarks>
    /// <exception cref="ArgumentOutOfRangeException">A number of bytes is negative.</exception>
    public static WeightsProvider DiskMapped(long windowBytes = DefaultWindowBytes, long keptBytes = 0)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(keptBytes);
        return new FileWeightsProvider(windowBytes, Mapping.Files, keptBytes);
    }

    /// <summary>Weights are read once and stay in memory, shared by all sessions of this provider: the most memory.</summary>
    /// <param name="source">The provider that reads them; null for their sources. It stays the caller's to dispose.</param>
    public static WeightsProvider Ram(WeightsProvider? source = null) => new RamWeightsProvider(source);

    /// <summary>Reads a range completely. Unless overridden, that is a read of its source.</summary>
    /// <param name="range">What to read.</param>
    /// <param name="destination">Receives the bytes; as long as the range.</param>
    /// <exception cref="WeightsException">The bytes cannot be had. Other exceptions reach the caller of the run inside one.</exception>
    public virtual void Read(in WeightRange range, Span<byte> destination) => range.Read(destination);

    /// <inheritdoc/>
    public void Dispose()
    {
        Dispose(disposing: true);
        GC.SuppressFinalize(this);
    }

    /// <summary>How streams bring weights in.</summary>
    internal virtual StreamTraits Traits => OwnTraits(WeightRoute.Slot);

    /// <summary>Whether a weight is in memory already when it is asked for, and stays there.</summary>
    internal virtual bool HoldsWeights => false;

    /// <summary>As <see cref="Read"/>; every exception is one of the library's.</summary>
    internal void ReadRange(in WeightRange range, Span<byte> destination)
    {
        try
        {
            Read(range, destination);
        }
        catch (Exception exception) when (exception is not OnnxStreamException)
        {
            throw range.Failure(exception);
        }
    }

    /// <summary>Opens the stream of one session.</summary>
    /// <param name="schedule">Every range that a run will ask for, in the order of the steps.</param>
    /// <param name="parts">Weights of which a run will ask for parts.</param>
    /// <param name="windowBytes">How many bytes may be read ahead of use.</param>
    /// <param name="buffers">The number of buffers for ranges that are copied (<see cref="StreamTraits.Copies"/>): one for each thread, or 0.</param>
    /// <param name="memory">The memory that weights may take. Panels are mapped if it says so.</param>
    internal virtual WeightStream OpenStream(IReadOnlyList<WeightRange> schedule, IReadOnlyList<PartlyReadWeight> parts, long windowBytes, int buffers = 0, WeightMemory memory = default) =>
        new ChannelWeightStream(this, memory.MappedBytes == 0 ? Traits.WithoutPanels : Traits, schedule, parts, windowBytes, buffers, memory);

    /// <summary>The traits of a provider that brings its own weights in on this route. Panels of a store come as <see cref="DiskPrefetch"/> brings them, or, without a window, <see cref="DiskNoCache"/>.</summary>
    private protected StreamTraits OwnTraits(WeightRoute route) => new(ReadsParts, StreamTraits.PanelBytes, WindowBytes > 0 ? PanelMapping : Mapping.None) { LocalRoute = route, OtherRoute = route };

    /// <summary>Frees what the provider holds.</summary>
    /// <param name="disposing">Whether <see cref="Dispose()"/> was called.</param>
    protected virtual void Dispose(bool disposing)
    {
    }

    private static Mapping PanelMapping => OperatingSystem.IsLinux() ? Mapping.Panels : Mapping.None;
}
