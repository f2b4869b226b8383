namespace OnnxStream.Interop.Weights;

/// <summary>Ranges of files that are read when they are acquired, those of about a megabyte into buffers, others into an area for all that is in use at once; panels of a store are used where they lie.</summary>
/// <remarks>
/// <para>
/// What is read ahead goes into the system's cache of files, which it shrinks when memory is needed elsewhere; it becomes memory of
/// this process when it is acquired. So only what is in use is resident, and the thread that reads ahead costs next to nothing.
/// </para>
/// <para>
/// Mapping a page and letting it go costs about as much as copying it, unless the system's cache holds the file in large pieces, as it does
/// with one that was written in large pieces. A panel store is such a file, and nobody else's: its panels are used where they lie in the
/// mapped file, as long as the system promises that it does not change (<see cref="Native.FileLease"/>). Other files are read: one that becomes
/// shorter is an exception then, not the end of the process. Where mapping was asked for all the same, nothing is copied.
/// </para>
/// </remarks>
internal sealed unsafe class FileWeightStream : WeightStream
{
    private const int None = -1;

    // Pages that are let go cost time when they are touched again. Where one of the next ranges is large, too, they stay.
    private const int RangesAhead = 4;

    private readonly Dictionary<string, OpenWeightFile> _files = [];
    private readonly OpenWeightFile[] _scheduleFiles;
    private readonly OpenWeightFile[] _partFiles;
    private readonly ReadAhead? _readAhead;
    private readonly StreamTraits _traits;
    private readonly WeightBuffers? _buffers;
    private readonly int[] _bufferOf;
    private readonly WeightArea _area;
    private readonly nint[] _addresses;
    private readonly MappedBlocks? _blocks;
    private readonly bool[] _isMapped;
    private int _nextPart;

    /// <summary>Opens every file of the schedule.</summary>
    /// <exception cref="WeightsException">A file is missing, or ends before a range does.</exception>
    public FileWeightStream(IReadOnlyList<WeightRange> schedule, IReadOnlyList<PartlyReadWeight> parts, long windowBytes, StreamTraits traits = default, int buffers = 0, WeightMemory memory = default)
        : base(schedule, parts)
    {
        _traits = traits;
        _bufferOf = new int[schedule.Count];
        Array.Fill(_bufferOf, None);
        _addresses = new nint[schedule.Count];
        _isMapped = new bool[schedule.Count];
        _blocks = traits.Mapping == Mapping.None ? null : new MappedBlocks(memory.MappedBytes);
        _scheduleFiles = new OpenWeightFile[schedule.Count];
        _partFiles = new OpenWeightFile[parts.Count];
        try
        {
            for (int i = 0; i < schedule.Count; i++)
            {
                _scheduleFiles[i] = Open(schedule[i]);
                if (traits.Maps(schedule[i]))
                {
                    Map(_scheduleFiles[i]);
                }
            }

            for (int i = 0; i < parts.Count; i++)
            {
                _partFiles[i] = Open(parts[i].Range);
            }

            if (buffers > 0 && traits.BufferBytes(schedule) is > 0 and long bytes)
            {
                _buffers = new WeightBuffers(buffers, bytes);
            }

            _area = new WeightArea(memory.AreaBytes);
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

        // First the lease: what is unchanged then stays so.
        foreach (OpenWeightFile file in _files.Values)
        {
            file.TakeLease();
        }

        try
        {
            CheckUnchanged();
        }
        catch
        {
            ReturnLeases();
            throw;
        }

        _readAhead?.Begin();
    }

    /// <inheritdoc/>
    public override void CheckUnchanged()
    {
        foreach (OpenWeightFile file in _files.Values)
        {
            file.CheckUnchanged();
        }
    }

    /// <inheritdoc/>
    public override void Release(int index)
    {
        Free(index);
        _readAhead?.Released(index);
    }

    /// <inheritdoc/>
    public override void Skip(int index)
    {
        _readAhead?.Used(index);
        _readAhead?.Released(index);
    }

    /// <inheritdoc/>
    public override void EndRun()
    {
        _readAhead?.End();
        _blocks?.Clear();
        ReturnLeases();
    }

    /// <inheritdoc/>
    public override void Dispose()
    {
        _readAhead?.Dispose();
        _blocks?.Dispose();
        _buffers?.Dispose();
        _area?.Dispose();
        foreach (OpenWeightFile file in _files.Values)
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
        if (_blocks is not null && _traits.Maps(range) && _scheduleFiles[index].Mapped(range) is var mapped && mapped is not null && _blocks.TryTake(_scheduleFiles[index], mapped, range.Length))
        {
            _isMapped[index] = true;
            _addresses[index] = (nint)mapped;
            return mapped;
        }

        byte* bytes = Reserve(index, range);
        try
        {
            const int Piece = 1 << 30;
            for (long done = 0; done < range.Length; done += Piece)
            {
                _scheduleFiles[index].Read(range.Offset + done, new Span<byte>(bytes + done, (int)Math.Min(Piece, range.Length - done)));
            }
        }
        catch
        {
            Free(index);
            throw;
        }

        return bytes;
    }

    /// <inheritdoc/>
    protected override void ReadPartCore(int index, in WeightRange part, Span<byte> destination) =>
        _partFiles[index].Read(part.Offset, destination);

    private byte* Reserve(int index, in WeightRange range)
    {
        if (_buffers is not null && _traits.Copies(range) && _buffers.TryTake() is >= 0 and int buffer)
        {
            _bufferOf[index] = buffer;
            return _buffers.Address(buffer);
        }

        byte* bytes = _area.Take(range);
        _addresses[index] = (nint)bytes;
        return bytes;
    }

    private void Free(int index)
    {
        if (_isMapped[index])
        {
            _isMapped[index] = false;
            _blocks!.Return(_scheduleFiles[index], (byte*)_addresses[index], Schedule[index].Length);
            return;
        }

        if (_bufferOf[index] is >= 0 and int buffer)
        {
            _bufferOf[index] = None;
            _buffers!.Return(buffer);
            return;
        }

        _area.Return((byte*)_addresses[index], discards: IsLarge(index) && !Enumerable.Range(index + 1, Math.Min(RangesAhead, Schedule.Count - index - 1)).Any(IsLarge));
    }

    private bool IsLarge(int index) => Schedule[index].Length > _traits.CopiedBytes;

    // In the read-ahead thread.
    private void Fetch(int index)
    {
        for (; _nextPart < Parts.Count && Parts[_nextPart].NeededAt <= index; _nextPart++)
        {
            _partFiles[_nextPart].Fetch(Parts[_nextPart].Range.Offset, Parts[_nextPart].Range.Length);
        }

        _scheduleFiles[index].Fetch(Schedule[index].Offset, Schedule[index].Length);
    }

    private void ReturnLeases()
    {
        foreach (OpenWeightFile file in _files.Values)
        {
            file.ReturnLease();
        }
    }

    private void Map(OpenWeightFile file)
    {
        if (_traits.Mapping == Mapping.Files)
        {
            file.Map();
        }
        else
        {
            file.MapUnderLease();
        }
    }

    private OpenWeightFile Open(in WeightRange range)
    {
        if (!_files.TryGetValue(range.Path, out OpenWeightFile? file))
        {
            file = new OpenWeightFile(range.Path);
            _files.Add(range.Path, file);
        }

        return range.Offset >= 0 && range.Length >= 0 && range.Offset <= file.Length - range.Length ? file :
            throw new WeightsException($"{range.Path}: weight '{range.Name}' should lie at bytes {range.Offset:N0} to {range.Offset + range.Length:N0}, but the file has {file.Length:N0} bytes. The file is truncated or belongs to another model.");
    }
}
