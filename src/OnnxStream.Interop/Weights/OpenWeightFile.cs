using Microsoft.Win32.SafeHandles;
using OnnxStream.Interop.Native;

namespace OnnxStream.Interop.Weights;

/// <summary>A file that a session reads weights from, opened once.</summary>
/// <remarks>
/// It is read, and mapped only where that was asked for or the system promises that it does not change meanwhile: where a mapped file
/// becomes shorter, reading what is gone ends the process (SIGBUS). A read that finds less than it should is an exception.
/// </remarks>
internal sealed unsafe class OpenWeightFile : IDisposable
{
    private readonly SafeFileHandle _file;
    private readonly DateTime _changed;
    private FileLease? _lease;
    private FileMapping? _mapping;
    private MappedFiles? _shared;
    private bool _isMappedUnderLease;

    /// <summary>Opens <paramref name="path"/>.</summary>
    /// <exception cref="WeightsException">The file cannot be opened.</exception>
    public OpenWeightFile(string path)
    {
        Path = path;
        try
        {
            _file = File.OpenHandle(path);
            Length = RandomAccess.GetLength(_file);
            _changed = File.GetLastWriteTimeUtc(_file);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException or NotSupportedException)
        {
            _file?.Dispose();
            throw new WeightsException($"{path}: the weight file cannot be opened: {exception.Message}", exception);
        }
    }

    /// <summary>The file.</summary>
    public string Path { get; }

    /// <summary>Its length in bytes when it was opened.</summary>
    public long Length { get; }

    /// <summary>The first byte of the mapping.</summary>
    public byte* Start => _mapping is null ? null : _mapping.Start;

    private MappedFiles.Key Key => new(Path, Length, _changed);

    /// <summary>Whether ranges are used in the mapping now.</summary>
    public bool IsMapped => _mapping is not null && (!_isMappedUnderLease || _lease is not null);

    /// <summary>Throws if the file is not what was opened any more.</summary>
    /// <exception cref="WeightsException">It has been written to.</exception>
    public void CheckUnchanged()
    {
        long length = RandomAccess.GetLength(_file);
        if (length != Length)
        {
            throw new WeightsException($"{Path}: the weight file had {Length:N0} bytes when it was opened and has {length:N0} now. Files must not change while a model is in use; open the model again.");
        }

        DateTime changed = File.GetLastWriteTimeUtc(_file);
        if (changed != _changed)
        {
            throw new WeightsException($"{Path}: the weight file was changed at {changed:O}, after it was opened. Files must not change while a model is in use; open the model again.");
        }
    }

    /// <summary>Lets the system read a range from disk into its cache of files. It does not become this process's memory.</summary>
    public void Fetch(long offset, long length)
    {
        // Asking for what is there costs the system as much as finding out page by page.
        if (length > 0 && !OperatingSystemMemory.IsCached(_file, offset, length))
        {
            OperatingSystemMemory.ReadAhead(_file, offset, length);
        }
    }

    /// <summary>Whether a range is in the system's cache, or on its way there; false where the system does not tell.</summary>
    public bool IsCached(in WeightRange range) => range.Length == 0 || OperatingSystemMemory.IsCached(_file, range.Offset, range.Length);

    /// <summary>How near a range is; there where the system does not tell.</summary>
    public RangePresence Presence(in WeightRange range) =>
        range.Length == 0 || OperatingSystemMemory.CanReadAtOnce(_file, range.Offset + range.Length - 1) ? RangePresence.There :
        IsCached(range) ? RangePresence.OnTheWay : RangePresence.Absent;

    /// <summary>Copies the bytes of a range.</summary>
    /// <exception cref="WeightsException">The file ends before them, or cannot be read.</exception>
    public void Read(in WeightRange range, Span<byte> destination)
    {
        long offset = range.Offset;
        try
        {
            while (destination.Length > 0)
            {
                int count = RandomAccess.Read(_file, destination, offset);
                if (count == 0)
                {
                    throw new WeightsException($"{Path}: weight '{range.Name}' cannot be read: the weight file ends at byte {offset:N0}; it had {Length:N0} bytes when it was opened. Files must not change while a model is in use; open the model again.");
                }

                destination = destination[count..];
                offset += count;
            }
        }
        catch (IOException exception)
        {
            throw new WeightsException($"{Path}: weight '{range.Name}' cannot be read: {exception.Message}", exception);
        }
    }

    /// <summary>Maps the file, once.</summary>
    /// <param name="shared">The mappings that others use as well; null for one of its own.</param>
    /// <exception cref="WeightsException">The system refuses.</exception>
    public void Map(MappedFiles? shared = null)
    {
        if (_mapping is not null)
        {
            return;
        }

        try
        {
            _mapping = shared is null ? new FileMapping(_file) : shared.Take(Key, () => new FileMapping(_file));
            _shared = shared;
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException or ArgumentException)
        {
            throw new WeightsException($"{Path}: the weight file cannot be mapped: {exception.Message}", exception);
        }
    }

    /// <summary>Maps the file, for use while a lease is held. Where there is no lease to be had, it stays a file that is read.</summary>
    public void MapUnderLease()
    {
        using FileLease? lease = _isMappedUnderLease ? null : FileLease.TryTake(_file);
        if (lease is not null)
        {
            Map();
            _isMappedUnderLease = true;
        }
    }

    /// <summary>Takes the lease for a run, if it is mapped under one and nobody is writing to it.</summary>
    public void TakeLease() => _lease = _isMappedUnderLease ? FileLease.TryTake(_file) : null;

    /// <summary>Gives the lease back.</summary>
    public void ReturnLease()
    {
        _lease?.Dispose();
        _lease = null;
    }

    /// <summary>Where a range lies in the mapping; null where it cannot be used there: there is no lease, or the bytes behind it, which kernels may touch, are none of it.</summary>
    /// <exception cref="WeightsException">Somebody waits for the lease, to write to the file.</exception>
    public byte* Mapped(in WeightRange range)
    {
        if (!IsMapped || range.Offset + range.Length + XnnpackLibrary.ReadPastEnd > MappedBlocks.RoundToPages(Length))
        {
            return null;
        }

        return _lease?.IsHeld != false ? _mapping!.Start + range.Offset :
            throw new WeightsException($"{Path}: another program is about to write to the weight file. Files must not change while a model is in use; open the model again.");
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        ReturnLease();
        if (_shared is not null)
        {
            _shared.Return(Key);
        }
        else
        {
            _mapping?.Dispose();
        }

        _shared = null;
        _mapping = null;
        _file.Dispose();
    }
}
