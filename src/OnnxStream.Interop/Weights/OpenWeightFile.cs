using System.IO.MemoryMappedFiles;
using Microsoft.Win32.SafeHandles;
using OnnxStream.Interop.Native;

namespace OnnxStream.Interop.Weights;

/// <summary>A file that a session reads weights from, opened once.</summary>
/// <remarks>
/// It is read, and mapped only where that was asked for: it is somebody else's file, and where a mapped file becomes shorter, reading what
/// is gone ends the process (SIGBUS). A read that finds less than it should is an exception.
/// </remarks>
internal sealed unsafe class OpenWeightFile : IDisposable
{
    // XNNPACK may read a few bytes past the end of what it is given.
    private const int Padding = 64;

    private readonly SafeFileHandle _file;
    private readonly DateTime _changed;
    private MemoryMappedFile? _map;
    private MemoryMappedViewAccessor? _view;
    private byte* _start;

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
        if (length > 0 && !SeemsCached(offset, length))
        {
            OperatingSystemMemory.ReadAhead(_file, offset, length);
        }
    }

    /// <summary>Copies bytes.</summary>
    /// <exception cref="WeightsException">The file ends before them, or cannot be read.</exception>
    public void Read(long offset, Span<byte> destination)
    {
        try
        {
            while (destination.Length > 0)
            {
                int count = RandomAccess.Read(_file, destination, offset);
                if (count == 0)
                {
                    throw new WeightsException($"{Path}: the weight file ends at byte {offset:N0}; it had {Length:N0} bytes when it was opened. Files must not change while a model is in use; open the model again.");
                }

                destination = destination[count..];
                offset += count;
            }
        }
        catch (IOException exception)
        {
            throw new WeightsException($"{Path}: the weight file cannot be read: {exception.Message}", exception);
        }
    }

    /// <summary>Maps the file, once.</summary>
    /// <exception cref="WeightsException">The system refuses.</exception>
    public void Map()
    {
        if (_start is not null)
        {
            return;
        }

        try
        {
            _map = MemoryMappedFile.CreateFromFile(_file, mapName: null, 0, MemoryMappedFileAccess.Read, HandleInheritability.None, leaveOpen: true);
            _view = _map.CreateViewAccessor(0, 0, MemoryMappedFileAccess.Read);
            _view.SafeMemoryMappedViewHandle.AcquirePointer(ref _start);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException or ArgumentException)
        {
            throw new WeightsException($"{Path}: the weight file cannot be mapped: {exception.Message}", exception);
        }
    }

    /// <summary>Where a range lies in the mapping; null where the bytes behind it, which kernels may touch, are none of it.</summary>
    public byte* Mapped(in WeightRange range)
    {
        long page = Environment.SystemPageSize;
        return range.Offset + range.Length + Padding <= (Length + page - 1) / page * page ? _start + range.Offset : null;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        if (_start is not null)
        {
            _view!.SafeMemoryMappedViewHandle.ReleasePointer();
        }

        _view?.Dispose();
        _map?.Dispose();
        _file.Dispose();
    }

    // A few of its pages are in the cache: then all of them, most likely.
    private bool SeemsCached(long offset, long length)
    {
        const int Probes = 4;
        for (int i = 0; i <= Probes; i++)
        {
            if (!OperatingSystemMemory.IsCached(_file, offset + (length - 1) * i / Probes))
            {
                return false;
            }
        }

        return true;
    }
}
