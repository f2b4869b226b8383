using OnnxStream.Interop.Native;

namespace OnnxStream.Interop.Weights;

/// <summary>Ranges of mapped files: acquiring is pointer arithmetic, releasing lets the pages go.</summary>
internal sealed unsafe class MappedWeightStream : WeightStream
{
    private readonly Dictionary<string, MappedFile> _files = [];
    private readonly nint[] _addresses;
    private readonly nint[] _randomAccessAddresses;
    private readonly ReadAhead? _readAhead;

    /// <summary>Maps every file of the schedule.</summary>
    /// <exception cref="WeightsException">A file is missing, or ends before a range does.</exception>
    public MappedWeightStream(IReadOnlyList<WeightRange> schedule, IReadOnlyList<WeightRange> randomAccess, long windowBytes)
        : base(schedule, randomAccess)
    {
        _addresses = new nint[schedule.Count];
        _randomAccessAddresses = new nint[randomAccess.Count];
        try
        {
            for (int i = 0; i < schedule.Count; i++)
            {
                _addresses[i] = Map(schedule[i]);
            }

            for (int i = 0; i < randomAccess.Count; i++)
            {
                _randomAccessAddresses[i] = Map(randomAccess[i]);
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

    /// <inheritdoc/>
    protected override void ReadPartCore(int index, in WeightRange part, Span<byte> destination) =>
        new ReadOnlySpan<byte>((byte*)_randomAccessAddresses[index] + (part.Offset - RandomAccess[index].Offset), destination.Length).CopyTo(destination);

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
