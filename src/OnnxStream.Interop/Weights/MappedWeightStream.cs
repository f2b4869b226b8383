using OnnxStream.Interop.Native;

namespace OnnxStream.Interop.Weights;

/// <summary>Ranges of mapped files: acquiring is pointer arithmetic, releasing lets the pages go.</summary>
internal sealed unsafe class MappedWeightStream : WeightStream
{
    private readonly Dictionary<string, MappedFile> _files = [];
    private readonly nint[] _addresses;
    private readonly ReadAhead? _readAhead;

    /// <summary>Maps every file of the schedule.</summary>
    /// <exception cref="WeightsException">A file is missing, or ends before a range does.</exception>
    public MappedWeightStream(IReadOnlyList<WeightRange> schedule, long windowBytes)
        : base(schedule)
    {
        _addresses = new nint[schedule.Count];
        try
        {
            for (int i = 0; i < schedule.Count; i++)
            {
                WeightRange range = schedule[i];
                if (!_files.TryGetValue(range.Path, out MappedFile? file))
                {
                    file = new MappedFile(range.Path);
                    _files.Add(range.Path, file);
                }

                if (range.Offset < 0 || range.Length < 0 || range.Offset > file.Length - range.Length)
                {
                    throw new WeightsException($"{range.Path}: weight '{range.Name}' should lie at bytes {range.Offset:N0} to {range.Offset + range.Length:N0}, but the file has {file.Length:N0} bytes. The file is truncated or belongs to another model.");
                }

                _addresses[i] = (nint)(file.Pointer + range.Offset);
            }
        }
        catch
        {
            Dispose();
            throw;
        }

        if (windowBytes > 0 && schedule.Count > 0)
        {
            _readAhead = new ReadAhead(schedule, windowBytes, index => OperatingSystemMemory.Populate((byte*)_addresses[index], Schedule[index].Length));
        }
    }

    /// <inheritdoc/>
    public override void BeginRun()
    {
        base.BeginRun();
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
        _readAhead?.Released(index);
    }

    /// <inheritdoc/>
    public override void EndRun()
    {
        _readAhead?.End();
        foreach (MappedFile file in _files.Values)
        {
            OperatingSystemMemory.Discard(file.Pointer, file.Length);
        }
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
}
