using OnnxStream.Interop.Native;

namespace OnnxStream.Interop.Weights;

/// <summary>Ranges of mapped files: acquiring maps their pages, releasing lets them go. Ranges of about a megabyte are copied instead.</summary>
/// <remarks>
/// <para>
/// What is read ahead goes into the system's cache of files, which it shrinks when memory is needed elsewhere; it becomes memory of
/// this process when it is acquired. So only what is in use is resident, and the thread that reads ahead costs next to nothing.
/// </para>
/// <para>
/// Mapping a page and letting it go costs about as much as copying it, and every time that pages go, all processors that compute are
/// interrupted. A copy lies in the cache of the processor that is about to compute with it: for a panel that pays.
/// </para>
/// </remarks>
internal sealed unsafe class MappedWeightStream : WeightStream
{
    // How many bytes are released between two sweeps: what is left over from them is a small part.
    private const long SweepBytes = 64L << 20;

    // Linux's default of fault_around_bytes.
    private const long MappedAroundBytes = 64 << 10;

    private const int Mapped = -1;

    private readonly Dictionary<string, MappedFile> _files = [];
    private readonly nint[] _addresses;
    private readonly MappedFile[] _partFiles;
    private readonly ReadAhead? _readAhead;
    private readonly StreamTraits _traits;
    private readonly WeightBuffers? _buffers;
    private readonly int[] _bufferOf;
    private int _nextPart;
    private long _bytesSinceSweep;

    /// <summary>Maps every file of the schedule.</summary>
    /// <exception cref="WeightsException">A file is missing, or ends before a range does.</exception>
    public MappedWeightStream(IReadOnlyList<WeightRange> schedule, IReadOnlyList<PartlyReadWeight> parts, long windowBytes, StreamTraits traits = default, int buffers = 0)
        : base(schedule, parts)
    {
        _traits = traits;
        _bufferOf = new int[schedule.Count];
        Array.Fill(_bufferOf, Mapped);
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

            if (buffers > 0 && traits.BufferBytes(schedule) is > 0 and long bytes)
            {
                _buffers = new WeightBuffers(buffers, bytes);
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
        if (_bufferOf[index] is >= 0 and int buffer)
        {
            _bufferOf[index] = Mapped;
            _buffers!.Return(buffer);
            _readAhead?.Released(index);
            return;
        }

        long before = Math.Min(MappedAroundBytes, Schedule[index].Offset);
        OperatingSystemMemory.Discard((byte*)_addresses[index] - before, Schedule[index].Length + before);

        // Linux maps pages around one that is missing, also those of neighbours that have been released. Over a run they would
        // add up; what is in use by another thread is mapped again when it is touched. Now and then everything goes.
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
        _buffers?.Dispose();
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
        WeightRange range = Schedule[index];
        if (_buffers is not null && _traits.Copies(range) && _buffers.TryTake() is >= 0 and int buffer)
        {
            try
            {
                _files[range.Path].Read(range.Offset, new Span<byte>(_buffers.Address(buffer), (int)range.Length));
            }
            catch
            {
                _buffers.Return(buffer);
                throw;
            }

            _bufferOf[index] = buffer;
            return _buffers.Address(buffer);
        }

        OperatingSystemMemory.Populate((byte*)_addresses[index], Schedule[index].Length);
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

        // Asking for what is there costs the system as much as finding out page by page.
        WeightRange next = Schedule[index];
        if (next.Length > 0 && !_files[next.Path].SeemsCached(next.Offset, next.Length))
        {
            OperatingSystemMemory.WillNeed((byte*)_addresses[index], next.Length);
        }
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
