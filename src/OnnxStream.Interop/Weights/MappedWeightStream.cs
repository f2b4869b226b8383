using OnnxStream.Interop.Native;

namespace OnnxStream.Interop.Weights;

/// <summary>Ranges of mapped files: acquiring is pointer arithmetic, releasing lets the pages go.</summary>
internal sealed unsafe class MappedWeightStream : WeightStream
{
    // How many bytes are released between two sweeps: what is left over from them is a small part.
    private const long SweepBytes = 64L << 20;

    private readonly Dictionary<string, MappedFile> _files = [];
    private readonly nint[] _addresses;
    private readonly MappedFile[] _partFiles;
    private readonly ReadAhead? _readAhead;
    private int _nextPart;
    private long _bytesSinceSweep;

    /// <summary>Maps every file of the schedule.</summary>
    /// <exception cref="WeightsException">A file is missing, or ends before a range does.</exception>
    public MappedWeightStream(IReadOnlyList<WeightRange> schedule, IReadOnlyList<PartlyReadWeight> parts, long windowBytes)
        : base(schedule, parts)
    {
        _addresses = new nint[schedule.Count];
        _partFiles = new MappedFile[parts.Count];
        try
        {
            for (int i = 0; i < schedule.Count; i++)
            {
                _addresses[i] = Map(schedule[i]);
            }

            for (int i = 0; i < parts.Count; i++)
            {
                Map(parts[i].Range);
                _partFiles[i] = _files[parts[i].Range.Path];
            }
        }
        catch
        {
            Dispose();
            throw;
        }

        if (windowBytes > 0 && schedule.Count > 0)
        {
            _readAhead = new ReadAhead(schedule, windowBytes, Fetch);
        }
    }

    /// <inheritdoc/>
    public override void BeginRun()
    {
        base.BeginRun();
        _nextPart = 0;
        foreach (MappedFile file in _files.Values)
        {
            file.CheckLength();
        }

        _readAhead?.Begin();
    }

    /// <inheritdoc/>
    public override void Release(int index)
    {
        OperatingSystemMemory.Discard((byte*)_addresses[index], Schedule[index].Length);

        // Linux maps pages around one that is missing, also those of neighbours that have been released. Over a run they would
        // add up, so now and then everything goes; what is in use is mapped again when it is touched.
        if (Interlocked.Add(ref _bytesSinceSweep, Schedule[index].Length) >= SweepBytes)
        {
            Interlocked.Exchange(ref _bytesSinceSweep, 0);
            DiscardAll();
        }

        _readAhead?.Released(index);
    }

    /// <inheritdoc/>
    public override void EndRun()
    {
        _readAhead?.End();
        DiscardAll();
    }

    /// <inheritdoc/>
    public override void Dispose()
    {
        _readAhead?.Dispose();
        foreach (MappedFile file in _files.Values)
        {
            file.Dispose();
        }

        _files.Clear();
    }

    /// <inheritdoc/>
    protected override byte* AcquireCore(int index)
    {
        _readAhead?.Used(index);
        return (byte*)_addresses[index];
    }

    /// <inheritdoc/>
    protected override void ReadPartCore(int index, in WeightRange part, Span<byte> destination) =>
        _partFiles[index].Read(part.Offset, destination);

    private void DiscardAll()
    {
        foreach (MappedFile file in _files.Values)
        {
            OperatingSystemMemory.Discard(file.Pointer, file.Length);
        }
    }

    // In the read-ahead thread.
    private void Fetch(int index)
    {
        // The system reads what will be copied from; its pages do not become this process's.
        for (; _nextPart < Parts.Count && Parts[_nextPart].NeededAt <= index; _nextPart++)
        {
            WeightRange range = Parts[_nextPart].Range;
            OperatingSystemMemory.WillNeed(_partFiles[_nextPart].Pointer + range.Offset, range.Length);
        }

        OperatingSystemMemory.Populate((byte*)_addresses[index], Schedule[index].Length);
    }

    private nint Map(in WeightRange range)
    {
        if (!_files.TryGetValue(range.Path, out MappedFile? file))
        {
            file = new MappedFile(range.Path);
            _files.Add(range.Path, file);
        }

        return range.Offset >= 0 && range.Length >= 0 && range.Offset <= file.Length - range.Length
            ? (nint)(file.Pointer + range.Offset)
            : throw new WeightsException($"{range.Path}: weight '{range.Name}' should lie at bytes {range.Offset:N0} to {range.Offset + range.Length:N0}, but the file has {file.Length:N0} bytes. The file is truncated or belongs to another model.");
    }
}
