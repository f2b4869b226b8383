namespace OnnxStream.Interop.Weights;

/// <summary>Ranges that a reader of the provider's copies into memory of the stream when they are acquired.</summary>
internal sealed unsafe class ReaderChannel : WeightChannel
{
    private readonly ScheduledWeightsProvider _provider;
    private readonly IReadOnlyList<WeightRange> _schedule;
    private readonly ReadMemory _memory;
    private readonly int[] _readerIndex;
    private readonly ScheduledReader _reader;

    /// <summary>Opens the reader.</summary>
    /// <param name="provider">The provider.</param>
    /// <param name="traits">Which ranges come from it.</param>
    /// <param name="schedule">The stream's schedule.</param>
    /// <param name="parts">The stream's partly read weights.</param>
    /// <param name="windowBytes">How many bytes may be read ahead of use.</param>
    /// <param name="memory">Memory for the ranges; it stays the stream's.</param>
    /// <exception cref="WeightsException">The provider throws, or opens none.</exception>
    public ReaderChannel(ScheduledWeightsProvider provider, StreamTraits traits, IReadOnlyList<WeightRange> schedule, IReadOnlyList<PartlyReadWeight> parts, long windowBytes, ReadMemory memory)
    {
        _provider = provider;
        _schedule = schedule;
        _memory = memory;

        // The reader has a schedule of its own, without panels of a store.
        _readerIndex = new int[schedule.Count + 1];
        List<WeightRange> own = [];
        for (int i = 0; i < schedule.Count; i++)
        {
            _readerIndex[i] = own.Count;
            if (traits.RouteOf(schedule[i].Source) == WeightRoute.Reader)
            {
                own.Add(schedule[i]);
            }
        }

        _readerIndex[schedule.Count] = own.Count;
        PartlyReadWeight[] ownParts = [.. parts.Where(part => traits.RouteOf(part.Range.Source) == WeightRoute.Reader).Select(part => part with { NeededAt = _readerIndex[part.NeededAt] })];
        try
        {
            _reader = provider.OpenReader(own, ownParts, windowBytes) ?? throw new WeightsException($"{provider}: the provider opens no reader (null).");
        }
        catch (Exception exception) when (exception is not OnnxStreamException)
        {
            throw Failure("open a reader", exception);
        }
    }

    /// <inheritdoc/>
    public override void BeginRun()
    {
        try
        {
            _reader.BeginRun();
        }
        catch (Exception exception) when (exception is not OnnxStreamException)
        {
            throw Failure("begin a run", exception);
        }
    }

    /// <inheritdoc/>
    public override byte* Acquire(int index)
    {
        WeightRange range = _schedule[index];
        byte* bytes = _memory.Take(index);
        try
        {
            const int Piece = 1 << 30;
            for (long done = 0; done < range.Length; done += Piece)
            {
                _reader.Read(_readerIndex[index], done, new Span<byte>(bytes + done, (int)Math.Min(Piece, range.Length - done)));
            }
        }
        catch (Exception exception)
        {
            _memory.Return(index);
            throw range.Failure(exception);
        }

        return bytes;
    }

    /// <inheritdoc/>
    public override void Release(int index) => _memory.Return(index);

    /// <inheritdoc/>
    public override void ReadPart(int index, in WeightRange part, Span<byte> destination) => _provider.ReadRange(part, destination);

    /// <inheritdoc/>
    public override void EndRun()
    {
        try
        {
            _reader.EndRun();
        }
        catch (Exception exception) when (exception is not OnnxStreamException)
        {
            throw Failure("end a run", exception);
        }
    }

    /// <inheritdoc/>
    /// <exception cref="WeightsException">The reader throws, which it must not.</exception>
    public override void Dispose()
    {
        try
        {
            _reader.Dispose();
        }
        catch (Exception exception) when (exception is not OnnxStreamException)
        {
            throw Failure("close a reader", exception);
        }
    }

    private WeightsException Failure(string action, Exception exception) => new($"{_provider}: the weights provider could not {action}: {exception.Message}", exception);
}
