using System.IO.Hashing;
using Microsoft.Win32.SafeHandles;

namespace OnnxStream.Interop.Panels;

/// <summary>Writes a file of a panel store beside its place and moves it there when it is complete.</summary>
internal sealed class StoreWriter : IDisposable
{
    private readonly PanelStorePart _part;
    private readonly UInt128 _identity;
    private readonly string _modelPath;
    private readonly string _partial;
    private readonly UnfinishedPath _unfinished;
    private readonly SafeFileHandle _file;
    private readonly BlockWriter _blocks;
    private readonly bool _replaces;
    private readonly Func<string, bool> _isUsable;

    /// <summary>Reserves the file.</summary>
    /// <param name="part">What is written: where its panels lie has been decided.</param>
    /// <param name="identity">The identity of model, format and library.</param>
    /// <param name="modelPath">The model, for those who look at the store.</param>
    /// <param name="blocks">How many blocks of <see cref="BlockWriter.BlockBytes"/> may be in memory at once.</param>
    /// <param name="replaces">Whether a file that is there already is replaced, unless it can be used.</param>
    /// <param name="isUsable">Whether a file is a part of the same store.</param>
    /// <exception cref="IOException">It cannot be created, or the disk has no room for it.</exception>
    public StoreWriter(PanelStorePart part, UInt128 identity, string modelPath, int blocks, bool replaces, Func<string, bool> isUsable)
    {
        _isUsable = isUsable;
        _part = part;
        _identity = identity;
        _modelPath = modelPath;
        _replaces = replaces;
        _partial = $"{part.Path}.{NewName()}{PanelStorePart.PartialExtension}";
        _unfinished = new UnfinishedPath(_partial);
        try
        {
            _file = File.OpenHandle(_partial, FileMode.Create, FileAccess.ReadWrite, FileShare.None, preallocationSize: part.SizeFor(modelPath));
            _blocks = new BlockWriter(_file, part.Pieces, blocks);
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    /// <summary>What an unfinished file is called beside the name of the store; tests may choose.</summary>
    /// <remarks>Others may be writing the same store: sessions of this process, other processes, those of other containers, whose numbers may be the same.</remarks>
    internal static Func<string> NewName { get; set; } = () => $"{Environment.ProcessId}-{Guid.NewGuid():N}";

    /// <summary>The file that will be there when it is complete.</summary>
    public string Path => _part.Path;

    /// <summary>Writes a panel. Callable from several threads, for different panels.</summary>
    /// <exception cref="IOException">The disk is full or fails.</exception>
    public void Write(int panel, ReadOnlySpan<byte> bytes)
    {
        ulong hash = XxHash3.HashToUInt64(bytes);
        lock (_part)
        {
            _part.SetHash(panel, hash);
        }

        _blocks.Write(_part.Offset(panel), bytes);
    }

    /// <summary>Writes header and index and moves the file to its place, unless somebody else has put one there that can be used.</summary>
    /// <returns>False if somebody has: that one stays, and what was written here is given up.</returns>
    /// <exception cref="IOException">The disk is full or fails.</exception>
    public bool TryComplete()
    {
        byte[] index = _part.WriteIndex(_modelPath);
        byte[] header = _part.WriteHeader(_identity, index);
        RandomAccess.Write(_file, index, _part.SizeFor(_modelPath) - index.Length);
        RandomAccess.Write(_file, header, 0);
        RandomAccess.FlushToDisk(_file);
        _file.Dispose();
        if (_replaces && !_isUsable(Path))
        {
            File.Move(_partial, Path, overwrite: true);
        }
        else
        {
            try
            {
                File.Move(_partial, Path, overwrite: false);
            }
            catch (IOException) when (File.Exists(Path))
            {
                return false;
            }
        }

        return true;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _blocks?.Dispose();
        _file?.Dispose();
        _unfinished.Dispose();
    }
}
