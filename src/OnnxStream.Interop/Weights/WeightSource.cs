namespace OnnxStream.Interop.Weights;

/// <summary>A file, a URL or an entry of an archive that holds a model or weights of one. Derive from it to run models from anywhere.</summary>
/// <remarks>
/// <para>
/// All bytes of a model come from sources: the model's own and those of its companions, which a <see cref="ModelFiles"/> finds. A
/// <see cref="WeightsProvider"/> decides when bytes are read and what is kept; by default it reads them from here.
/// </para>
/// <para>
/// Every member may be called from several threads at once. Exceptions reach the caller of the library inside a
/// <see cref="WeightsException"/> that names the source and the weight.
/// </para>
/// <para>
/// Models keep their sources and never close them. A source that holds a handle or a connection belongs to whoever made it, who closes it
/// after the last session of the model. A run that needs it later ends with a <see cref="WeightsException"/>.
/// </para>
/// </remarks>
public abstract class WeightSource
{
    /// <summary>Names a source.</summary>
    /// <param name="id">The name for messages, which also distinguishes the source from all others: two sources of one id, length and version are taken to hold the same bytes.</param>
    protected WeightSource(string id)
    {
        ArgumentException.ThrowIfNullOrEmpty(id);
        Id = id;
    }

    /// <summary>The name of the source: a path, a URL, the path of an archive and the entry in it.</summary>
    public string Id { get; }

    /// <summary>The number of bytes, which is asked for when a model is opened.</summary>
    public abstract long Length { get; }

    /// <summary>A text that changes whenever the bytes do, such as the time of the last change, or an ETag.</summary>
    /// <remarks>
    /// It is asked for before and after each run, so it must cost little. A run that finds another version than the one that its session began
    /// with is refused. A panel store that was made of another version is made again.
    /// </remarks>
    public abstract string Version { get; }

    /// <summary>The absolute path of a local file that holds exactly these bytes; null (the default) if there is none.</summary>
    /// <remarks>
    /// The library's own providers then read that file themselves instead of calling <see cref="Read"/>: the system reads it ahead, and it can be mapped.
    /// It must always be the same, and asking for it must not throw.
    /// </remarks>
    public virtual string? LocalPath => null;

    /// <summary>Reads bytes: fills all of <paramref name="destination"/>, or throws.</summary>
    /// <param name="offset">The first byte, from 0.</param>
    /// <param name="destination">Receives the bytes.</param>
    public abstract void Read(long offset, Span<byte> destination);

    /// <inheritdoc/>
    public sealed override string ToString() => Id;

    /// <summary>Whether this is a panel store: a file of the library's own, which no provider of a user is asked for.</summary>
    internal bool IsPanelStore { get; init; }

    /// <summary>The <see cref="Length"/>.</summary>
    /// <exception cref="WeightsException">It cannot be had, or is negative.</exception>
    internal long CheckedLength()
    {
        long length;
        try
        {
            length = Length;
        }
        catch (Exception exception) when (exception is not OnnxStreamException)
        {
            throw new WeightsException($"{Id}: the length is not known: {exception.Message}", exception);
        }

        return length >= 0 ? length : throw new WeightsException($"{Id}: the source says that it has {length:N0} bytes.");
    }

    /// <summary>The <see cref="Version"/>.</summary>
    /// <exception cref="WeightsException">It cannot be had.</exception>
    internal string CheckedVersion()
    {
        try
        {
            return Version ?? throw new WeightsException($"{Id}: the source has no version (null).");
        }
        catch (Exception exception) when (exception is not OnnxStreamException)
        {
            throw new WeightsException($"{Id}: the version is not known: {exception.Message}", exception);
        }
    }

    /// <summary>The bytes as a stream.</summary>
    /// <exception cref="WeightsException">The file cannot be opened.</exception>
    internal Stream OpenChecked()
    {
        try
        {
            return OpenStream();
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw new WeightsException($"{Id}: cannot be opened: {exception.Message}", exception);
        }
    }

    /// <summary>The bytes as a stream.</summary>
    /// <exception cref="IOException">The file cannot be opened.</exception>
    /// <exception cref="WeightsException">The length cannot be had.</exception>
    internal virtual Stream OpenStream() => new SourceStream(this);
}
