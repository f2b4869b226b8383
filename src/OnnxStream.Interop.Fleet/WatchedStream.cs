namespace OnnxStream.Interop.Fleet;

/// <summary>Bytes on their way: whoever waits for them may wait anew whenever some went through.</summary>
internal sealed class WatchedStream : MemoryStream
{
    private readonly CancellationTokenSource _limit;
    private readonly TimeSpan _patience;

    /// <summary>Creates one that is written.</summary>
    public WatchedStream(CancellationTokenSource limit, TimeSpan patience)
    {
        _limit = limit;
        _patience = patience;
    }

    /// <summary>Creates one that is read.</summary>
    public WatchedStream(byte[] bytes, CancellationTokenSource limit, TimeSpan patience)
        : base(bytes, writable: false)
    {
        _limit = limit;
        _patience = patience;
    }

    /// <inheritdoc/>
    public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        _limit.CancelAfter(_patience);
        return base.ReadAsync(buffer, cancellationToken);
    }

    /// <inheritdoc/>
    public override ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default)
    {
        _limit.CancelAfter(_patience);
        return base.WriteAsync(buffer, cancellationToken);
    }
}
