namespace OnnxStream.Interop.Weights;

/// <summary>Where the bytes of weights come from. Derive from it to bring them from anywhere.</summary>
/// <remarks>
/// A session knows before it runs which bytes it needs in which order, and opens one stream of them. A provider of your
/// own implements <see cref="Read"/>; the library calls it ahead of use, from a thread of its own and from those that
/// compute, and frees the bytes after use. One provider may serve several sessions at once, so <see cref="Read"/> must be
/// safe to call from several threads.
/// </remarks>
public abstract class WeightsProvider : IDisposable
{
    /// <summary>What <see cref="DiskPrefetch"/> holds unless told otherwise: 16 MiB, more than any panel.</summary>
    public const long DefaultWindowBytes = 16L << 20;

    /// <summary>Makes a provider.</summary>
    /// <param name="windowBytes">How many bytes may be held for reading ahead; 0 means that nothing is read before it is needed.</param>
    protected WeightsProvider(long windowBytes = DefaultWindowBytes)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(windowBytes);
        WindowBytes = windowBytes;
    }

    /// <summary>How many bytes may be held for reading ahead.</summary>
    public long WindowBytes { get; }

    /// <summary>Weights are read when a step needs them and released right after it: the least memory.</summary>
    public static WeightsProvider DiskNoCache() => new FileWeightsProvider(0);

    /// <summary>As <see cref="DiskNoCache"/>, and a thread has the next bytes read into the system's cache of files while the current step computes. Packed weights are used in the mapped file where that is quicker.</summary>
    /// <param name="windowBytes">How many bytes are read ahead of use. They are not memory of this process until they are used.</param>
    public static WeightsProvider DiskPrefetch(long windowBytes = DefaultWindowBytes) => new FileWeightsProvider(windowBytes, OperatingSystem.IsLinux() ? Mapping.Panels : Mapping.None);

    /// <summary>As <see cref="DiskPrefetch"/>, but files are mapped into memory: kernels get the pages themselves, which are let go after use.</summary>
    /// <param name="windowBytes">How many bytes are read ahead of use.</param>
    /// <remarks>
    /// For files that nobody changes: where a mapped file becomes shorter while it is read, the operating system ends the process.
    /// </remarks>
    public static WeightsProvider DiskMapped(long windowBytes = DefaultWindowBytes) => new FileWeightsProvider(windowBytes, Mapping.Files);

    /// <summary>Weights are read once and stay in memory, shared by all sessions of this provider: the most memory.</summary>
    /// <param name="source">Where they are read from; null for their files. It stays the caller's to dispose.</param>
    public static WeightsProvider Ram(WeightsProvider? source = null) => new RamWeightsProvider(source);

    /// <summary>Reads a range completely.</summary>
    /// <param name="range">What to read.</param>
    /// <param name="destination">Receives the bytes; as long as the range.</param>
    /// <exception cref="WeightsException">The bytes cannot be had. Other exceptions reach the caller of the run inside one.</exception>
    public abstract void Read(in WeightRange range, Span<byte> destination);

    /// <inheritdoc/>
    public void Dispose()
    {
        Dispose(disposing: true);
        GC.SuppressFinalize(this);
    }

    /// <summary>How streams bring weights in.</summary>
    internal virtual StreamTraits Traits => default;

    /// <summary>Whether what is read ahead is memory of this process.</summary>
    internal virtual bool HoldsWindow => true;

    /// <summary>Whether a weight is in memory already when it is asked for, and stays there.</summary>
    internal virtual bool HoldsWeights => false;

    /// <summary>Opens the stream of one session.</summary>
    /// <param name="schedule">Every range that a run will ask for, in the order of the steps.</param>
    /// <param name="parts">Weights of which a run will ask for parts.</param>
    /// <param name="windowBytes">How many bytes may be held for reading ahead.</param>
    /// <param name="buffers">The number of buffers for ranges that are copied (<see cref="StreamTraits.Copies"/>): one for each thread, or 0.</param>
    /// <param name="memory">The memory that weights may take. Panels are mapped if it says so.</param>
    internal virtual WeightStream OpenStream(IReadOnlyList<WeightRange> schedule, IReadOnlyList<PartlyReadWeight> parts, long windowBytes, int buffers = 0, WeightMemory memory = default) => new BufferedWeightStream(this, schedule, parts, windowBytes);

    /// <summary>Frees what the provider holds.</summary>
    /// <param name="disposing">Whether <see cref="Dispose()"/> was called.</param>
    protected virtual void Dispose(bool disposing)
    {
    }
}
