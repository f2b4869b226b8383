using System.IO.MemoryMappedFiles;
using Microsoft.Win32.SafeHandles;

namespace OnnxStream.Interop.Weights;

/// <summary>All of a file, mapped for reading.</summary>
internal sealed unsafe class FileMapping : IDisposable
{
    private readonly MemoryMappedFile _map;
    private readonly MemoryMappedViewAccessor _view;

    /// <summary>Maps a file.</summary>
    /// <param name="file">The file; it may be closed while the mapping is used.</param>
    /// <exception cref="IOException">The system refuses.</exception>
    public FileMapping(SafeFileHandle file)
    {
        _map = MemoryMappedFile.CreateFromFile(file, mapName: null, 0, MemoryMappedFileAccess.Read, HandleInheritability.None, leaveOpen: true);
        try
        {
            _view = _map.CreateViewAccessor(0, 0, MemoryMappedFileAccess.Read);
            byte* start = null;
            _view.SafeMemoryMappedViewHandle.AcquirePointer(ref start);
            Start = start;
        }
        catch
        {
            _view?.Dispose();
            _map.Dispose();
            throw;
        }
    }

    /// <summary>The first byte.</summary>
    public byte* Start { get; }

    /// <inheritdoc/>
    public void Dispose()
    {
        _view.SafeMemoryMappedViewHandle.ReleasePointer();
        _view.Dispose();
        _map.Dispose();
    }
}
