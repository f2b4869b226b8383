namespace OnnxStream.Interop.Quantization;

/// <summary>What all weights of a quantization have in common: whether to go on, and how far it is.</summary>
internal sealed class QuantizationWork(CancellationToken cancellationToken)
{
    private long _bytes;

    /// <summary>Stops the work.</summary>
    public CancellationToken CancellationToken => cancellationToken;

    /// <summary>Is told of bytes that were computed, all of them since the last reset, from any thread; null for nobody.</summary>
    public Action<long>? Progress { get; set; }

    /// <summary>Begins to count anew.</summary>
    public void Reset() => _bytes = 0;

    /// <summary>Counts bytes that were computed.</summary>
    public void Add(long bytes)
    {
        long all = Interlocked.Add(ref _bytes, bytes);
        Progress?.Invoke(all);
    }
}
