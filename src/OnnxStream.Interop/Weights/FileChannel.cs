namespace OnnxStream.Interop.Weights;

/// <summary>Ranges of local files that are read when they are acquired; panels of a store are used where they lie.</summary>
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
internal sealed unsafe class FileChannel : WeightChannel
{
    private readonly IReadOnlyList<WeightRange> _schedule;
    private readonly IReadOnlyList<PartlyReadWeight> _parts;
    private readonly StreamTraits _traits;
    private readonly ReadMemory _memory;
    private readonly Dictionary<string, OpenWeightFile> _files = [];
    private readonly OpenWeightFile?[] _scheduleFiles;
    private readonly OpenWeightFile?[] _partFiles;
    private readonly MappedBlocks? _blocks;
    private readonly bool[] _isMapped;
    private readonly nint[] _addresses;

    /// <summary>Opens every file of the schedule that is read on this route.</summary>
    /// <param name="traits">Which ranges come on this route, and what is mapped.</param>
    /// <param name="schedule">The stream's schedule.</param>
    /// <param name="parts">The stream's partly read weights.</param>
    /// <param name="memory">Memory for ranges that are read; it stays the stream's.</param>
    /// <param name="mappedBytes">What may be resident of mapped files.</param>
    /// <exception cref="WeightsException">A file is missing, or ends before a range does.</exception>
    public FileChannel(StreamTraits traits, IReadOnlyList<WeightRange> schedule, IReadOnlyList<PartlyReadWeight> parts, ReadMemory memory, long mappedBytes)
    {
        _schedule = schedule;
        _parts = parts;
        _traits = traits;
        _memory = memory;
        _isMapped = new bool[schedule.Count];
        _addresses = new nint[schedule.Count];
        _blocks = traits.Mapping == Mapping.None ? null : new MappedBlocks(mappedBytes, traits.KeptBytes);
        _scheduleFiles = new OpenWeightFile[schedule.Count];
        _partFiles = new OpenWeightFile[parts.Count];
        try
        {
            for (int i = 0; i < schedule.Count; i++)
            {
                _scheduleFiles[i] = TryOpen(schedule[i]);
                if (traits.Maps(schedule[i]))
                {
                    Map(_scheduleFiles[i]!);
                }
            }

            for (int i = 0; i < parts.Count; i++)
            {
                _partFiles[i] = TryOpen(parts[i].Range);
            }
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    /// <inheritdoc/>
    public override void BeginRun()
    {
        _blocks?.BeginRun();

        // First the lease: what is unchanged then stays so.
        foreach (OpenWeightFile file in _files.Values)
        {
            file.TakeLease();
        }

        CheckUnchanged();
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
    public override void Fetch(int index) => _scheduleFiles[index]!.Fetch(_schedule[index].Offset, _schedule[index].Length);

    /// <inheritdoc/>
    public override void FetchPart(int index) => _partFiles[index]!.Fetch(_parts[index].Range.Offset, _parts[index].Range.Length);

    /// <inheritdoc/>
    public override RangePresence Presence(int index) => _scheduleFiles[index]!.Presence(_schedule[index]);

    /// <inheritdoc/>
    public override byte* Acquire(int index)
    {
        WeightRange range = _schedule[index];
        OpenWeightFile file = _scheduleFiles[index]!;
        if (_blocks is not null && _traits.Maps(range) && file.Mapped(range) is var mapped && mapped is not null && _blocks.TryTake(file, mapped, range.Length))
        {
            _isMapped[index] = true;
            _addresses[index] = (nint)mapped;
            return mapped;
        }

        byte* bytes = _memory.Take(index);
        try
        {
            const int Piece = 1 << 30;
            for (long done = 0; done < range.Length; done += Piece)
            {
                int length = (int)Math.Min(Piece, range.Length - done);
                file.Read(range.Slice(done, length), new Span<byte>(bytes + done, length));
            }
        }
        catch
        {
            _memory.Return(index);
            throw;
        }

        return bytes;
    }

    /// <inheritdoc/>
    public override void Release(int index)
    {
        if (_isMapped[index])
        {
            _isMapped[index] = false;
            _blocks!.Return(_scheduleFiles[index]!, (byte*)_addresses[index], _schedule[index].Length);
        }
        else
        {
            _memory.Return(index);
        }
    }

    /// <inheritdoc/>
    public override void ReadPart(int index, in WeightRange part, Span<byte> destination) => _partFiles[index]!.Read(part, destination);

    /// <inheritdoc/>
    public override void EndRun()
    {
        _blocks?.Clear();
        foreach (OpenWeightFile file in _files.Values)
        {
            file.ReturnLease();
        }
    }

    /// <inheritdoc/>
    public override void Dispose()
    {
        _blocks?.Dispose();
        foreach (OpenWeightFile file in _files.Values)
        {
            file.Dispose();
        }

        _files.Clear();
    }

    private void Map(OpenWeightFile file)
    {
        if (_traits.Mapping == Mapping.Files)
        {
            file.Map(_traits.SharedFiles);
        }
        else
        {
            file.MapUnderLease();
        }
    }

    private OpenWeightFile? TryOpen(in WeightRange range)
    {
        if (_traits.RouteOf(range.Source) != WeightRoute.File)
        {
            return null;
        }

        string path = range.Source.LocalPath!;
        if (!_files.TryGetValue(path, out OpenWeightFile? file))
        {
            file = new OpenWeightFile(path);
            _files.Add(path, file);
        }

        return range.Offset >= 0 && range.Length >= 0 && range.Offset <= file.Length - range.Length ? file :
            throw new WeightsException($"{path}: weight '{range.Name}' should lie at bytes {range.Offset:N0} to {range.Offset + range.Length:N0}, but the file has {file.Length:N0} bytes. The file is truncated or belongs to another model.");
    }
}
