using System.IO.MemoryMappedFiles;
using Microsoft.Win32.SafeHandles;
using OnnxStream.Interop.Native;

namespace OnnxStream.Interop.Weights;

/// <summary>A file mapped for reading, opened once and shared by count.</summary>
internal sealed unsafe class MappedFile : IDisposable
{
    private readonly FileStream _file;
    private readonly MemoryMappedFile _map;
    private readonly SafeMemoryMappedViewHandle _view;
    private readonly MemoryMappedViewAccessor _accessor;

    /// <summary>Maps <paramref name="path"/> completely.</summary>
    /// <exception cref="WeightsException">The file cannot be opened or is empty.</exception>
    public MappedFile(string path)
    {
        Path = path;
        try
        {
            _file = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read, bufferSize: 0);
            Length = _file.Length;
            _map = MemoryMappedFile.CreateFromFile(_file, mapName: null, 0, MemoryMappedFileAccess.Read, HandleInheritability.None, leaveOpen: true);
            _accessor = _map.CreateViewAccessor(0, 0, MemoryMappedFileAccess.Read);
            _view = _accessor.SafeMemoryMappedViewHandle;
            byte* pointer = null;
            _view.AcquirePointer(ref pointer);
            Pointer = pointer;
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException or ArgumentException)
        {
            _accessor?.Dispose();
            _map?.Dispose();
            _file?.Dispose();
            throw new WeightsException($"{path}: the weight file cannot be mapped: {exception.Message}", exception);
        }
    }

    /// <summary>The file.</summary>
    public string Path { get; }

    /// <summary>Its length in bytes when it was mapped.</summary>
    public long Length { get; }

    /// <summary>Its first byte. Valid until the file is disposed.</summary>
    public byte* Pointer { get; }

    /// <summary>Throws if the file has become shorter: reading past its end would end the process.</summary>
    /// <exception cref="WeightsException">It has.</exception>
    public void CheckLength()
    {
        long length = RandomAccess.GetLength(_file.SafeFileHandle);
        if (length < Length)
        {
            throw new WeightsException($"{Path}: the weight file had {Length:N0} bytes when it was opened and has {length:N0} now. Files must not change while a model is in use; open the model again.");
        }
    }

    /// <summary>Whether a range seems to be in the system's cache of files: a few of its pages are.</summary>
    public bool SeemsCached(long offset, long length)
    {
        const int Probes = 4;
        for (int i = 0; i <= Probes; i++)
        {
            if (!OperatingSystemMemory.IsCached(_file.SafeFileHandle, offset + (length - 1) * i / Probes))
            {
                return false;
            }
        }

        return true;
    }

    /// <summary>Copies bytes without making pages of the mapping resident.</summary>
    /// <exception cref="WeightsException">The file ends before them, or cannot be read.</exception>
    public void Read(long offset, Span<byte> destination)
    {
        try
        {
            while (destination.Length > 0)
            {
                int count = RandomAccess.Read(_file.SafeFileHandle, destination, offset);
                if (count == 0)
                {
                    throw new WeightsException($"{Path}: the weight file ends at byte {offset:N0}; it had {Length:N0} bytes when it was opened.");
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

    /// <inheritdoc/>
    public void Dispose()
    {
        _view.ReleasePointer();
        _accessor.Dispose();
        _map.Dispose();
        _file.Dispose();
    }
}
