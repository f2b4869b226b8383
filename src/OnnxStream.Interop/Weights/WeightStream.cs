namespace OnnxStream.Interop.Weights;

/// <summary>The weights of one session in the order in which its steps use them.</summary>
/// <remarks><see cref="Acquire"/> and <see cref="Release"/> may be called from several threads, for different ranges.</remarks>
internal abstract unsafe class WeightStream(IReadOnlyList<WeightRange> schedule) : IDisposable
{
    private long _bytesStreamed;

    /// <summary>The ranges, in order of use.</summary>
    public IReadOnlyList<WeightRange> Schedule { get; } = schedule;

    /// <summary>The bytes that were acquired since <see cref="BeginRun"/>.</summary>
    public long BytesStreamed => Interlocked.Read(ref _bytesStreamed);

    /// <summary>Starts over at the first range.</summary>
    public virtual void BeginRun() => Interlocked.Exchange(ref _bytesStreamed, 0);

    /// <summary>The bytes of range <paramref name="index"/>, valid until <see cref="Release"/>.</summary>
    /// <exception cref="WeightsException">They cannot be had.</exception>
    public byte* Acquire(int index)
    {
        byte* bytes = AcquireCore(index);
        Interlocked.Add(ref _bytesStreamed, Schedule[index].Length);
        return bytes;
    }

    /// <summary>Gives range <paramref name="index"/> back; its memory may be freed at once.</summary>
    public abstract void Release(int index);

    /// <summary>Ends a run, finished or not: whatever is still held for reading ahead is released.</summary>
    public abstract void EndRun();

    /// <inheritdoc/>
    public abstract void Dispose();

    /// <summary>Makes the bytes of range <paramref name="index"/> available.</summary>
    protected abstract byte* AcquireCore(int index);
}
