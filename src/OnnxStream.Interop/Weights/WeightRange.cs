namespace OnnxStream.Interop.Weights;

/// <summary>A run of bytes of one weight: what is asked of a <see cref="WeightsProvider"/>.</summary>
/// <param name="Name">The weight's name in the model.</param>
/// <param name="Source">Where its bytes come from.</param>
/// <param name="Offset">The first byte, from the start of the source.</param>
/// <param name="Length">The number of bytes.</param>
public readonly record struct WeightRange(string Name, WeightSource Source, long Offset, long Length)
{
    /// <summary>Whether the range is a panel that kernels compute with where it is.</summary>
    internal bool IsPanel { get; init; }

    /// <summary>A part of the range.</summary>
    /// <param name="offset">The first byte, from the start of the range.</param>
    /// <param name="length">The number of bytes.</param>
    /// <exception cref="ArgumentOutOfRangeException">The part does not lie inside the range.</exception>
    public WeightRange Slice(long offset, long length)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(offset);
        ArgumentOutOfRangeException.ThrowIfNegative(length);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(offset, Length - length);
        return this with { Offset = Offset + offset, Length = length };
    }

    /// <summary>Reads the range from its source.</summary>
    /// <param name="destination">Receives the bytes; as long as the range.</param>
    /// <exception cref="ArgumentException"><paramref name="destination"/> has another length.</exception>
    /// <exception cref="WeightsException">The source cannot be read. The message names it and the weight.</exception>
    public void Read(Span<byte> destination)
    {
        if (destination.Length != Length)
        {
            throw new ArgumentException($"The range has {Length:N0} bytes, not {destination.Length:N0}.", nameof(destination));
        }

        try
        {
            Source.Read(Offset, destination);
        }
        catch (Exception exception) when (exception is not OnnxStreamException)
        {
            throw Failure(exception);
        }
    }

    /// <summary>The exception for something that went wrong while the range was read. What is one of the library's own stays as it is.</summary>
    internal OnnxStreamException Failure(Exception exception) => exception as OnnxStreamException ??
        new WeightsException($"{Source}: weight '{Name}' (bytes {Offset:N0} to {Offset + Length:N0}) cannot be read: {exception.Message.TrimEnd('.')}.", exception);
}
