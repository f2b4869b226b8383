using System.Buffers.Binary;
using System.IO.Hashing;
using System.Text;
using Microsoft.Win32.SafeHandles;
using OnnxStream.Interop.Weights;

namespace OnnxStream.Interop.Panels;

/// <summary>A file of packed panels in the order of their use, so that a run reads it from front to back.</summary>
/// <remarks>
/// <code>
/// header   magic "OSPANEL2", element type, identity of model and library (128-bit hash), number of panels, hash of the index, length of the path
/// index    for each panel: hash of its layer's identity (128 bits), offset, length, hash of its bytes; then the path of the model as UTF-8
/// panels   each on a page of its own
/// </code>
/// All numbers are little-endian. The identity covers the sources of the weights (id, length, version) and XNNPACK's build; a
/// layer's identity covers XNNPACK's layout for this processor. A file that does not match is not used. A panel's hash is
/// checked when a session first uses it.
/// </remarks>
internal sealed class PanelStore
{
    /// <summary>Panels begin at multiples of this, so that releasing one leaves its neighbours alone.</summary>
    public const int Alignment = 4096;

    /// <summary>How the names of stores in the cache folder end.</summary>
    public const string Extension = ".panels";

    /// <summary>How the names of unfinished stores end.</summary>
    public const string PartialExtension = ".partial";

    private const int HeaderBytes = 64;
    private const int EntryBytes = 40;
    private static readonly byte[] s_magic = "OSPANEL2"u8.ToArray();

    private readonly FileSource _source;
    private readonly Entry[] _entries;
    private readonly bool[] _verified;

    private PanelStore(string path, ElementType elementType, Entry[] entries)
    {
        Path = path;
        _source = new FileSource(path) { IsPanelStore = true };
        ElementType = elementType;
        _entries = entries;
        _verified = new bool[entries.Length];
    }

    /// <summary>The file.</summary>
    public string Path { get; }

    /// <summary>The type in which panels are stored: <see cref="ElementType.Float32"/> or <see cref="ElementType.Float16"/>.</summary>
    public ElementType ElementType { get; }

    /// <summary>The hash of a layer's identity.</summary>
    public static UInt128 Hash(string identity) => XxHash128.HashToUInt128(Encoding.UTF8.GetBytes(identity));

    /// <summary>The range of a panel.</summary>
    public WeightRange Range(int panel) => new($"panel {panel}", _source, _entries[panel].Offset, _entries[panel].Length) { IsPanel = ElementType == ElementType.Float32 };

    /// <summary>Opens a store if it is one for this model and layers; otherwise says why not.</summary>
    /// <param name="path">The file.</param>
    /// <param name="identity">The identity of model and library.</param>
    /// <param name="elementType">The type in which panels must be stored.</param>
    /// <param name="layers">For each panel in order, the hash of its layer's identity and its length in bytes.</param>
    /// <param name="reason">Why the file cannot be used.</param>
    public static PanelStore? TryOpen(string path, UInt128 identity, ElementType elementType, IReadOnlyList<(UInt128 Layer, long Length)> layers, out string reason)
    {
        try
        {
            using SafeFileHandle file = File.OpenHandle(path);
            long fileLength = RandomAccess.GetLength(file);
            byte[] header = new byte[HeaderBytes];
            if (RandomAccess.Read(file, header, 0) < HeaderBytes || !header.AsSpan(0, 8).SequenceEqual(s_magic))
            {
                reason = "it is not a panel store of this version";
                return null;
            }

            if ((ElementType)BinaryPrimitives.ReadInt32LittleEndian(header.AsSpan(8)) != elementType || BinaryPrimitives.ReadUInt128LittleEndian(header.AsSpan(16)) != identity ||
                BinaryPrimitives.ReadInt32LittleEndian(header.AsSpan(32)) != layers.Count)
            {
                reason = "it was made for another model, element type, processor or library version";
                return null;
            }

            if (ReadIndex(file, header, fileLength) is not { } index)
            {
                reason = "its index is damaged";
                return null;
            }

            Entry[] entries = new Entry[layers.Count];
            for (int i = 0; i < entries.Length; i++)
            {
                ReadOnlySpan<byte> entry = index.AsSpan(i * EntryBytes, EntryBytes);
                entries[i] = new Entry(
                    BinaryPrimitives.ReadUInt128LittleEndian(entry), BinaryPrimitives.ReadInt64LittleEndian(entry[16..]),
                    BinaryPrimitives.ReadInt64LittleEndian(entry[24..]), BinaryPrimitives.ReadUInt64LittleEndian(entry[32..]));
                if (entries[i].Layer != layers[i].Layer || entries[i].Length != layers[i].Length)
                {
                    reason = "it was made for another plan or processor";
                    return null;
                }

                if (entries[i].Offset < 0 || entries[i].Offset > fileLength - entries[i].Length)
                {
                    reason = $"it is truncated: panel {i} should end at byte {entries[i].Offset + entries[i].Length:N0}, the file has {fileLength:N0}";
                    return null;
                }
            }

            reason = "";
            return new PanelStore(path, elementType, entries);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            reason = exception.Message;
            return null;
        }
    }

    /// <summary>A store that is not there yet, for planning: its panels lie where they will when it is made.</summary>
    public static PanelStore Imagine(string path, ElementType elementType, IReadOnlyList<(UInt128 Layer, long Length)> layers, string modelPath)
    {
        Entry[] entries = new Entry[layers.Count];
        long offset = RoundUp(HeaderBytes + IndexBytes(layers.Count, modelPath));
        for (int i = 0; i < entries.Length; i++)
        {
            entries[i] = new Entry(layers[i].Layer, offset, layers[i].Length, 0);
            offset = RoundUp(offset + layers[i].Length);
        }

        return new PanelStore(path, elementType, entries);
    }

    /// <summary>The size of a store with panels of these lengths in bytes.</summary>
    public static long SizeOf(IReadOnlyList<(UInt128 Layer, long Length)> layers, string modelPath) =>
        layers.Sum(layer => RoundUp(layer.Length)) + RoundUp(HeaderBytes + IndexBytes(layers.Count, modelPath));

    /// <summary>The model that a store was made for; null if the file is no store or is damaged.</summary>
    public static string? TryReadModelPath(string path)
    {
        try
        {
            using SafeFileHandle file = File.OpenHandle(path);
            byte[] header = new byte[HeaderBytes];
            return RandomAccess.Read(file, header, 0) == HeaderBytes && header.AsSpan(0, s_magic.Length).SequenceEqual(s_magic) &&
                ReadIndex(file, header, RandomAccess.GetLength(file)) is { } index
                ? Encoding.UTF8.GetString(index.AsSpan(BinaryPrimitives.ReadInt32LittleEndian(header.AsSpan(32)) * EntryBytes))
                : null;
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    /// <summary>Whether a process has an unfinished store open.</summary>
    public static bool IsBeingWritten(string partialPath)
    {
        try
        {
            // A writer shares its file with nobody.
            File.OpenHandle(partialPath, FileMode.Open, FileAccess.Read, FileShare.Read).Dispose();
            return false;
        }
        catch (UnauthorizedAccessException)
        {
            return false;
        }
        catch (IOException)
        {
            return File.Exists(partialPath);
        }
    }

    /// <summary>Checks the bytes of a panel the first time that it is used.</summary>
    /// <exception cref="WeightsException">They are not those that were written.</exception>
    public unsafe void Verify(int panel, byte* bytes)
    {
        if (_verified[panel])
        {
            return;
        }

        if (XxHash3.HashToUInt64(new ReadOnlySpan<byte>(bytes, checked((int)_entries[panel].Length))) != _entries[panel].Hash)
        {
            throw new WeightsException($"{Path}: panel {panel} at byte {_entries[panel].Offset:N0} is damaged. {(TryDiscard() ? "The file has been deleted" : "Delete the file")}; it is made again when the model is opened next.");
        }

        _verified[panel] = true;
    }

    // The next session shall not trust it again. Sessions that have it open keep it, where the operating system lets a file in use be deleted.
    private bool TryDiscard()
    {
        try
        {
            File.Delete(Path);
            return true;
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            return false;
        }
    }

    // The index and what follows it, if it is what was written.
    private static byte[]? ReadIndex(SafeFileHandle file, ReadOnlySpan<byte> header, long fileLength)
    {
        long count = BinaryPrimitives.ReadInt32LittleEndian(header[32..]);
        long pathBytes = BinaryPrimitives.ReadInt32LittleEndian(header[48..]);
        if (count < 0 || pathBytes < 0 || HeaderBytes + count * EntryBytes + pathBytes > Math.Min(fileLength, Array.MaxLength))
        {
            return null;
        }

        byte[] index = new byte[count * EntryBytes + pathBytes];
        return RandomAccess.Read(file, index, HeaderBytes) == index.Length && XxHash64.HashToUInt64(index) == BinaryPrimitives.ReadUInt64LittleEndian(header[40..]) ? index : null;
    }

    private static long IndexBytes(int panelCount, string modelPath) => (long)panelCount * EntryBytes + Encoding.UTF8.GetByteCount(modelPath);

    private static long RoundUp(long offset) => (offset + Alignment - 1) / Alignment * Alignment;

    private readonly record struct Entry(UInt128 Layer, long Offset, long Length, ulong Hash);

    /// <summary>Writes a store beside its place and moves it there when it is complete.</summary>
    public sealed class Writer : IDisposable
    {
        private readonly string _partial;
        private readonly SafeFileHandle _file;
        private readonly byte[] _index;
        private readonly Entry[] _entries;
        private readonly ElementType _elementType;
        private readonly UInt128 _identity;
        private readonly BlockWriter _blocks;
        private bool _complete;

        /// <summary>Reserves the file.</summary>
        /// <param name="path">The file that will be there when the store is complete.</param>
        /// <param name="identity">The identity of model and library.</param>
        /// <param name="elementType">The type in which panels are stored.</param>
        /// <param name="layers">For each panel in order, the hash of its layer's identity and its length in bytes.</param>
        /// <param name="modelPath">The model, for those who look at the store.</param>
        /// <param name="blocks">How many blocks of <see cref="BlockWriter.BlockBytes"/> may be in memory at once.</param>
        /// <exception cref="IOException">It cannot be created, or the disk has no room for it.</exception>
        public Writer(string path, UInt128 identity, ElementType elementType, IReadOnlyList<(UInt128 Layer, long Length)> layers, string modelPath, int blocks = 0)
        {
            Path = path;
            _partial = $"{path}.{Environment.ProcessId}{PartialExtension}";
            _identity = identity;
            _elementType = elementType;
            _entries = Imagine(path, elementType, layers, modelPath)._entries;
            _index = new byte[IndexBytes(layers.Count, modelPath)];
            for (int i = 0; i < layers.Count; i++)
            {
                Span<byte> entry = _index.AsSpan(i * EntryBytes, EntryBytes);
                BinaryPrimitives.WriteUInt128LittleEndian(entry, _entries[i].Layer);
                BinaryPrimitives.WriteInt64LittleEndian(entry[16..], _entries[i].Offset);
                BinaryPrimitives.WriteInt64LittleEndian(entry[24..], _entries[i].Length);
            }

            Encoding.UTF8.GetBytes(modelPath, _index.AsSpan(layers.Count * EntryBytes));
            _file = File.OpenHandle(_partial, FileMode.Create, FileAccess.ReadWrite, FileShare.None, preallocationSize: SizeOf(layers, modelPath));
            try
            {
                _blocks = new BlockWriter(_file, [.. _entries.Select(entry => (entry.Offset, entry.Length))], blocks);
            }
            catch
            {
                Dispose();
                throw;
            }
        }

        /// <summary>The file that will be there when the store is complete.</summary>
        public string Path { get; }

        /// <summary>Writes a panel. Callable from several threads, for different panels.</summary>
        /// <exception cref="IOException">The disk is full or fails.</exception>
        public void Write(int panel, ReadOnlySpan<byte> bytes)
        {
            BinaryPrimitives.WriteUInt64LittleEndian(_index.AsSpan(panel * EntryBytes + 32), XxHash3.HashToUInt64(bytes));
            _blocks.Write(_entries[panel].Offset, bytes);
        }

        /// <summary>Writes header and index and moves the file to its place.</summary>
        public void Complete()
        {
            byte[] header = new byte[HeaderBytes];
            s_magic.CopyTo(header, 0);
            BinaryPrimitives.WriteInt32LittleEndian(header.AsSpan(8), (int)_elementType);
            BinaryPrimitives.WriteUInt128LittleEndian(header.AsSpan(16), _identity);
            BinaryPrimitives.WriteInt32LittleEndian(header.AsSpan(32), _entries.Length);
            BinaryPrimitives.WriteUInt64LittleEndian(header.AsSpan(40), XxHash64.HashToUInt64(_index));
            BinaryPrimitives.WriteInt32LittleEndian(header.AsSpan(48), _index.Length - _entries.Length * EntryBytes);
            RandomAccess.Write(_file, _index, HeaderBytes);
            RandomAccess.Write(_file, header, 0);
            RandomAccess.FlushToDisk(_file);
            _file.Dispose();
            File.Move(_partial, Path, overwrite: true);
            _complete = true;
        }

        /// <inheritdoc/>
        public void Dispose()
        {
            _blocks?.Dispose();
            _file.Dispose();
            if (!_complete)
            {
                File.Delete(_partial);
            }
        }
    }
}
