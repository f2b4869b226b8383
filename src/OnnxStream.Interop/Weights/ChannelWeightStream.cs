using OnnxStream.Interop.Native;

namespace OnnxStream.Interop.Weights;

/// <summary>A stream whose ranges come on several routes, each in a channel of its own: a user's weights as its provider brings them, panels of a store from the library's file. One thread reads ahead for all of them, within one window.</summary>
/// <remarks>
/// Files that the library opens are compared with what was opened; of other sources the version is, before and after each run.
/// </remarks>
internal sealed unsafe class ChannelWeightStream : WeightStream
{
    // Smaller ranges are not worth a question to the system.
    private const long LeastObservedBytes = 64 << 10;

    private readonly ReadMemory _memory;
    private readonly WeightChannel?[] _channels = new WeightChannel?[Enum.GetValues<WeightRoute>().Length];
    private readonly WeightChannel[] _channelOf;
    private readonly WeightChannel[] _channelOfPart;
    private readonly List<(WeightSource Source, string Version)> _versions = [];
    private readonly ReadAhead? _readAhead;
    private readonly bool _adapts;
    private int _nextPart;

    /// <summary>Opens the channels that the schedule needs.</summary>
    /// <param name="provider">The provider, for routes that lead through it.</param>
    /// <param name="traits">The route of each range.</param>
    /// <param name="schedule">The ranges, in order of use.</param>
    /// <param name="parts">The weights of which parts are read.</param>
    /// <param name="windowBytes">How many bytes may be read ahead of use.</param>
    /// <param name="buffers">The number of buffers for ranges that are copied.</param>
    /// <param name="memory">The memory that ranges may take.</param>
    /// <exception cref="WeightsException">A file is missing, or ends before a range does; a source has no version; the provider opens no reader.</exception>
    public ChannelWeightStream(WeightsProvider provider, StreamTraits traits, IReadOnlyList<WeightRange> schedule, IReadOnlyList<PartlyReadWeight> parts, long windowBytes, int buffers, WeightMemory memory)
        : base(schedule, parts)
    {
        _memory = new ReadMemory(schedule, traits, buffers, memory.AreaBytes);
        try
        {
            _channelOf = [.. schedule.Select(range => Channel(range.Source))];
            _channelOfPart = [.. parts.Select(part => Channel(part.Range.Source))];
            foreach (WeightSource source in schedule.Concat(parts.Select(part => part.Range)).Select(range => range.Source).Distinct().Where(source => traits.RouteOf(source) != WeightRoute.File))
            {
                _versions.Add((source, source.CheckedVersion()));
            }
        }
        catch
        {
            Dispose();
            throw;
        }

        // A provider's reader reads ahead by itself.
        if (windowBytes > 0 && Array.Exists(_channelOf, channel => channel is not ReaderChannel))
        {
            // What a plan counts as memory stays as large as it was planned.
            _adapts = !traits.HoldsWindow(schedule);
            _readAhead = new ReadAhead(schedule, windowBytes, Fetch, _adapts ? static () => MachineMemory.BytesForFiles : null);
        }

        WeightChannel Channel(WeightSource source)
        {
            WeightRoute route = traits.RouteOf(source);
            return _channels[(int)route] ??= route switch
            {
                WeightRoute.File => new FileChannel(traits, schedule, parts, _memory, memory.MappedBytes),
                WeightRoute.Slot => new SlotChannel(provider, schedule),
                _ => new ReaderChannel((ScheduledWeightsProvider)provider, traits, schedule, parts, windowBytes, _memory),
            };
        }
    }

    /// <inheritdoc/>
    public override void BeginRun()
    {
        base.BeginRun();
        _nextPart = 0;
        CheckVersions();
        int begun = 0;
        try
        {
            for (; begun < _channels.Length; begun++)
            {
                _channels[begun]?.BeginRun();
            }
        }
        catch
        {
            EndChannels(begun + 1);
            throw;
        }

        _readAhead?.Begin();
    }

    /// <inheritdoc/>
    public override void CheckUnchanged()
    {
        foreach (WeightChannel? channel in _channels)
        {
            channel?.CheckUnchanged();
        }

        CheckVersions();
    }

    /// <inheritdoc/>
    public override void Release(int index)
    {
        _channelOf[index].Release(index);
        _readAhead?.Released(index);
    }

    /// <inheritdoc/>
    public override void Skip(int index)
    {
        _readAhead?.Used(index);
        _channelOf[index].Skip(index);
        _readAhead?.Released(index);
    }

    /// <inheritdoc/>
    public override void EndRun()
    {
        _readAhead?.End();
        EndChannels(_channels.Length);
    }

    /// <inheritdoc/>
    public override void Dispose()
    {
        _readAhead?.Dispose();
        try
        {
            foreach (WeightChannel? channel in _channels)
            {
                channel?.Dispose();
            }
        }
        finally
        {
            _memory.Dispose();
        }
    }

    /// <inheritdoc/>
    protected override byte* AcquireCore(int index)
    {
        bool wasFetched = _readAhead?.Used(index) ?? false;
        if (_adapts && Schedule[index].Length >= LeastObservedBytes)
        {
            FitWindow(index, wasFetched);
        }

        return _channelOf[index].Acquire(index);
    }

    /// <inheritdoc/>
    protected override void ReadPartCore(int index, in WeightRange part, Span<byte> destination) =>
        _channelOfPart[index].ReadPart(index, part, destination);

    private void FitWindow(int index, bool wasFetched)
    {
        RangePresence presence = _channelOf[index].Presence(index);
        if (presence == RangePresence.There)
        {
            return;
        }

        if (presence == RangePresence.Absent && wasFetched)
        {
            _readAhead!.Narrow();
        }
        else
        {
            _readAhead!.Widen();
        }
    }

    // In the read-ahead thread.
    private void Fetch(int index)
    {
        for (; _nextPart < Parts.Count && Parts[_nextPart].NeededAt <= index; _nextPart++)
        {
            _channelOfPart[_nextPart].FetchPart(_nextPart);
        }

        _channelOf[index].Fetch(index);
    }

    // In the order of the routes: what a user's reader throws comes last, when all else has ended.
    private void EndChannels(int count)
    {
        for (int i = 0; i < count; i++)
        {
            _channels[i]?.EndRun();
        }
    }

    private void CheckVersions()
    {
        foreach ((WeightSource source, string version) in _versions)
        {
            if (source.CheckedVersion() is var now && now != version)
            {
                throw new WeightsException($"{source}: the source had the version '{version}' when it was opened and has '{now}' now. Weights must not change while a model is in use; open the model again.");
            }
        }
    }
}
