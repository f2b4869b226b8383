namespace OnnxStream.Interop.Weights;

/// <summary>Hands over the weights of one session in the order of their use. See <see cref="ScheduledWeightsProvider.OpenReader"/>.</summary>
/// <remarks>
/// Runs come one after the other, each between <see cref="BeginRun"/> and <see cref="EndRun"/>. A run that ends well reads each range of the schedule once, about in
/// its order: threads that compute side by side are a few ranges apart. One that fails or is cancelled stops anywhere.
/// Exceptions reach the caller of the run inside a <see cref="WeightsException"/>; the session can be run again.
/// </remarks>
public abstract class ScheduledReader : IDisposable
{
    /// <summary>A run begins: the first ranges will be needed soon.</summary>
    public virtual void BeginRun()
    {
    }

    /// <summary>Copies bytes of a range, waiting for them if need be. Called by several threads at once, for different ranges.</summary>
    /// <param name="index">The index of the range in the schedule.</param>
    /// <param name="offset">The first byte, from the start of the range: 0, except for ranges larger than 1 GiB, which are read in pieces.</param>
    /// <param name="destination">Receives the bytes: all of the range, or of the piece. It is memory of the library and must not be kept.</param>
    public abstract void Read(int index, long offset, Span<byte> destination);

    /// <summary>The run has ended, well or not: nothing is read until the next one. Never called at the same time as <see cref="Read"/>; also called after a <see cref="BeginRun"/> that threw.</summary>
    public virtual void EndRun()
    {
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        Dispose(disposing: true);
        GC.SuppressFinalize(this);
    }

    /// <summary>Frees what the reader holds; must not throw. No run is under way.</summary>
    /// <param name="disposing">Whether <see cref="Dispose()"/> was called.</param>
    protected virtual void Dispose(bool disposing)
    {
    }
}
