namespace OnnxStream.Interop.Weights;

/// <summary>The bytes of a source as a stream that is only read. What it throws is a <see cref="WeightsException"/>.</summary>
internal sealed class SourceStream(WeightSource source) : Stream
{
    private readonly long _length = source.CheckedLength();

    /// <inheritdoc/>
    public override bool CanRead => true;

    /// <inheritdoc/>
    public override bool CanSeek => true;

    /// <inheritdoc/>
    public override bool CanWrite => false;

    /// <inheritdoc/>
    public override long Length => _length;

    /// <inheritdoc/>
    public override long Position { get; set; }

    /// <inheritdoc/>
    public override int Read(Span<byte> buffer)
    {
        int count = (int)Math.Min(buffer.Length, Math.Max(0, _length - Position));
        if (count == 0)
        {
            return 0;
        }

        try
        {
            source.Read(Position, buffer[..count]);
        }
        catch (Exception exception) when (exception is not OnnxStreamException)
        {
            throw new WeightsException($"{source}: the bytes from {Position:N0} on cannot be read: {exception.Message}", exception);
        }

        Position += count;
        return count;
    }

    /// <inheritdoc/>
    public override int Read(byte[] buffer, int offset, int count) => Read(buffer.AsSpan(offset, count));

    /// <inheritdoc/>
    public override long Seek(long offset, SeekOrigin origin) =>
        Position = offset + (origin == SeekOrigin.Begin ? 0 : origin == SeekOrigin.Current ? Position : _length);

    /// <inheritdoc/>
    public override void Flush()
    {
    }

    /// <inheritdoc/>
    public override void SetLength(long value) => throw new NotSupportedException();

    /// <inheritdoc/>
    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();
}
