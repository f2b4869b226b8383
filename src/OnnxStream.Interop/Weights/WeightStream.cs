namespace OnnxStream.Interop.Weights;

/// <summary>The weights of one session in the order in which its steps use them.</summary>
/// <remarks><see cref="Acquire"/> and <see cref="Release"/> may be called from several threads, for different ranges.</remarks>
internal abstract unsafe class WeightStream(IReadOnlyList<WeightRange> schedule, IReadOnlyList<PartlyReadWeight> parts) : IDisposable
{
    private long _bytesStreamed;

    /// <summary>The ranges, in order of use.</summary>
    public IReadOnlyList<WeightRange> Schedule { get; } = schedule;

    /// <summary>The weights of which parts are read.</summary>
    public IReadOnlyList<PartlyReadWeight> Parts { get; } = parts;

    /// <summary>The bytes that were acquired since <see cref="BeginRun"/>.</summary>
    public long BytesStreamed => Interlocked.Read(ref _bytesStreamed);

    /// <summary>Starts over at the first range.</summary>
    public virtual void BeginRun() => Interlocked.Exchange(ref _bytesStreamed, 0);

    /// <summary>Throws if what the ranges lie in has been written to since the stream was opened, where that can be told.</summary>
    /// <exception cref="WeightsException">It has.</exception>
    public virtual void CheckUnchanged()
    {
    }

    /// <summary>The bytes of range <paramref name="index"/>, valid until <see cref="Release"/>.</summary>
    /// <exception cref="WeightsException">They cannot be had.</exception>
    public byte* Acquire(int index)
    {
        byte* bytes = AcquireCore(index);
        Interlocked.Add(ref _bytesStreamed, Schedule[index].Length);
        return bytes;
    }

    /// <summary>Copies a part of one of the <see cref="Parts"/> weights. Callable from any thread.</summary>
    /// <param name="index">The weight.</param>
    /// <param name="offset">The first byte, from the start of the weight.</param>
    /// <param name="destination">Receives the bytes.</param>
    /// <exception cref="WeightsException">They cannot be had.</exception>
    public void ReadPart(int index, long offset, Span<byte> destination)
    {
        ReadPartCore(index, Parts[index].Range.Slice(offset, destination.Length), destination);
        Interlocked.Add(ref _bytesStreamed, destination.Length);
    }

    /// <summary>Gives range <paramref name="index"/> back; its memory may be freed at once.</summary>
    public abstract void Release(int index);

    /// <summary>Says that a run does not need range <paramref name="index"/>: it is not held for reading ahead any more.</summary>
    public virtual void Skip(int index)
    {
    }

    /// <summary>Ends a run, finished or not: whatever is still held for reading ahead is released.</summary>
    public abstract void EndRun();

    /// <inheritdoc/>
    public abstract void Dispose();

    /// <summary>Makes the bytes of range <paramref name="index"/> available.</summary>
    protected abstract byte* AcquireCore(int index);

    /// <summary>Copies <paramref name="part"/> of partly read weight <paramref name="index"/>.</summary>
    protected abstract void ReadPartCore(int index, in WeightRange part, Span<byte> destination);
}
