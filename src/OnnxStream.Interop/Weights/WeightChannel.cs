namespace OnnxStream.Interop.Weights;

/// <summary>Brings in those ranges of a stream that come on one route.</summary>
/// <remarks>Indices are those of the stream's schedule and of its partly read weights; a channel is only asked for its own.</remarks>
internal abstract unsafe class WeightChannel : IDisposable
{
    /// <summary>A run begins.</summary>
    /// <exception cref="WeightsException">It cannot; <see cref="EndRun"/> is called all the same.</exception>
    public virtual void BeginRun()
    {
    }

    /// <summary>Throws if what the ranges lie in has been written to since it was opened, where that can be told.</summary>
    /// <exception cref="WeightsException">It has.</exception>
    public virtual void CheckUnchanged()
    {
    }

    /// <summary>Brings a range nearer, ahead of use. In the read-ahead thread; does not throw.</summary>
    public virtual void Fetch(int index)
    {
    }

    /// <summary>As <see cref="Fetch"/>, a partly read weight.</summary>
    public virtual void FetchPart(int index)
    {
    }

    /// <summary>How near a range is that has been fetched, where the system tells.</summary>
    public virtual RangePresence Presence(int index) => RangePresence.There;

    /// <inheritdoc cref="WeightStream.Acquire"/>
    public abstract byte* Acquire(int index);

    /// <inheritdoc cref="WeightStream.Release"/>
    public abstract void Release(int index);

    /// <summary>A run does not need a range that was, or will be, fetched.</summary>
    public virtual void Skip(int index)
    {
    }

    /// <summary>Copies <paramref name="part"/> of a partly read weight.</summary>
    /// <exception cref="WeightsException">The bytes cannot be had.</exception>
    public abstract void ReadPart(int index, in WeightRange part, Span<byte> destination);

    /// <summary>The run has ended, well or not, and nothing is fetched any more.</summary>
    public virtual void EndRun()
    {
    }

    /// <inheritdoc/>
    public abstract void Dispose();
}
