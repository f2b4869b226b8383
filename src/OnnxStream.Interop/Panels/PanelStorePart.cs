using System.Buffers.Binary;
using System.IO.Hashing;
using System.Text;
using Microsoft.Win32.SafeHandles;
using OnnxStream.Interop.Weights;

namespace OnnxStream.Interop.Panels;

/// <summary>One file of a panel store: packed panels in the order in which a plan uses them.</summary>
/// <remarks>
/// <code>
/// header   64 bytes: magic "OSPANEL4", the name of the format that was chosen, or auto (8 bytes), identity of model, formats and library (128-bit hash), number of panels,
///          length of the model's path, hash of the index, place of the index
/// panels   each on a page of its own, in the format of its layer
/// index    for each panel: identity of its layer (128-bit hash), offset, length, hash of its bytes; then the path of the model as UTF-8
/// </code>
/// All numbers are little-endian. A file is written once and never changed. The hash of a panel is checked when a session first uses it.
/// </remarks>
internal sealed class PanelStorePart
{
    /// <summary>Panels begin at multiples of this, so that releasing one leaves its neighbours alone.</summary>
    public const int Alignment = 4096;

    /// <summary>How the names of stores in the cache folder end.</summary>
    public const string Extension = ".panels";

    /// <summary>How the names of unfinished files end.</summary>
    public const string PartialExtension = ".partial";

    private const int HeaderBytes = 64;
    private const int EntryBytes = 40;
    private const int FormatBytes = 8;
    private static readonly byte[] s_magic = "OSPANEL4"u8.ToArray();

    private readonly string _format;
    private readonly FileSource _source;
    private readonly List<Entry> _entries = [];
    private readonly Dictionary<UInt128, int> _layers = [];
    private readonly HashSet<int> _verified = [];
    private long _end = Alignment;

    /// <summary>A file that is not there yet: <see cref="Add"/> decides where its panels will lie.</summary>
    /// <param name="path">Where it will be.</param>
    /// <param name="format">The name of the format that was chosen for its panels (<see cref="PanelFormatChoice.Name"/>).</param>
    public PanelStorePart(string path, string format)
    {
        Path = path;
        _format = format;
        _source = new FileSource(path) { IsPanelStore = true };
    }

    /// <summary>The file.</summary>
    public string Path { get; }

    /// <summary>The number of panels.</summary>
    public int PanelCount => _entries.Count;

    /// <summary>The bytes of all panels.</summary>
    public long PanelBytes => _entries.Sum(entry => entry.Length);

    /// <summary>Where each panel lies, in order.</summary>
    public IReadOnlyList<(long Offset, long Length)> Pieces => _entries.ConvertAll(entry => (entry.Offset, entry.Length));

    /// <summary>The size of the file in bytes when it is complete.</summary>
    /// <param name="modelPath">The model that it names.</param>
    public long SizeFor(string modelPath) => _end + IndexBytes(_entries.Count, modelPath);

    /// <summary>The panels of a layer; null if the file has none, or others.</summary>
    /// <param name="layer">The identity of the layer.</param>
    /// <param name="lengths">The stored size of each of its panels.</param>
    /// <param name="format">Their format.</param>
    public StoredPanels? Find(UInt128 layer, IReadOnlyList<long> lengths, PanelFormat format)
    {
        if (!_layers.TryGetValue(layer, out int first) || first + lengths.Count > _entries.Count)
        {
            return null;
        }

        for (int i = 0; i < lengths.Count; i++)
        {
            if (_entries[first + i].Layer != layer || _entries[first + i].Length != lengths[i])
            {
                return null;
            }
        }

        return new StoredPanels(this, first, lengths.Count, format);
    }

    /// <summary>Adds the panels of a layer to a file that is not there yet.</summary>
    public StoredPanels Add(UInt128 layer, IReadOnlyList<long> lengths, PanelFormat format)
    {
        int first = _entries.Count;
        _layers.Add(layer, first);
        foreach (long length in lengths)
        {
            _entries.Add(new Entry(layer, _end, length, 0));
            _end = RoundUp(_end + length);
        }

        return new StoredPanels(this, first, lengths.Count, format);
    }

    /// <summary>Where a panel begins.</summary>
    public long Offset(int panel) => _entries[panel].Offset;

    /// <summary>The range of a panel.</summary>
    /// <param name="panel">The panel.</param>
    /// <param name="format">Its format.</param>
    public WeightRange Range(int panel, PanelFormat format) => new($"panel {panel}", _source, _entries[panel].Offset, _entries[panel].Length) { IsPanel = format.IsUsedInPlace };

    /// <summary>Opens a file if it belongs to a model; otherwise says why not.</summary>
    /// <param name="path">The file.</param>
    /// <param name="identity">The identity of model, formats and library.</param>
    /// <param name="format">The name of the format that was chosen.</param>
    /// <param name="reason">Why the file cannot be used.</param>
    public static PanelStorePart? TryOpen(string path, UInt128 identity, string format, out string reason)
    {
        try
        {
            using SafeFileHandle file = File.OpenHandle(path);
            long fileLength = RandomAccess.GetLength(file);
            byte[] header = new byte[HeaderBytes];
            if (RandomAccess.Read(file, header, 0) < HeaderBytes || !header.AsSpan(0, s_magic.Length).SequenceEqual(s_magic))
            {
                reason = "it is not a panel store of this version";
                return null;
            }

            if (!header.AsSpan(8, FormatBytes).SequenceEqual(FormatName(format)) || BinaryPrimitives.ReadUInt128LittleEndian(header.AsSpan(16)) != identity)
            {
                reason = "it was made for another model, choice of element types, processor or library version";
                return null;
            }

            if (ReadIndex(file, header, fileLength) is not { } index)
            {
                reason = "its index is damaged, or it is truncated";
                return null;
            }

            PanelStorePart part = new(path, format);
            int count = BinaryPrimitives.ReadInt32LittleEndian(header.AsSpan(32));
            for (int i = 0; i < count; i++)
            {
                ReadOnlySpan<byte> bytes = index.AsSpan(i * EntryBytes, EntryBytes);
                Entry entry = new(
                    BinaryPrimitives.ReadUInt128LittleEndian(bytes), BinaryPrimitives.ReadInt64LittleEndian(bytes[16..]),
                    BinaryPrimitives.ReadInt64LittleEndian(bytes[24..]), BinaryPrimitives.ReadUInt64LittleEndian(bytes[32..]));
                if (entry.Offset < Alignment || entry.Length < 0 || entry.Offset > fileLength - entry.Length)
                {
                    reason = $"panel {i} does not lie inside of it";
                    return null;
                }

                part._layers.TryAdd(entry.Layer, i);
                part._entries.Add(entry);
            }

            reason = "";
            return part;
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            reason = exception.Message;
            return null;
        }
    }

    /// <summary>The model that a file was made for; null if the file is no store or is damaged.</summary>
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

    /// <summary>Whether a process has an unfinished file open.</summary>
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

    /// <summary>Checks the bytes of a panel the first time that they are used.</summary>
    /// <exception cref="WeightsException">They are not those that were written.</exception>
    public unsafe void Verify(int panel, byte* bytes)
    {
        lock (_verified)
        {
            if (_verified.Contains(panel))
            {
                return;
            }
        }

        if (XxHash3.HashToUInt64(new ReadOnlySpan<byte>(bytes, checked((int)_entries[panel].Length))) != _entries[panel].Hash)
        {
            throw new WeightsException($"{Path}: panel {panel} at byte {_entries[panel].Offset:N0} is damaged. {(TryDiscard() ? "The file has been deleted" : "Delete the file")}; it is made again when the model is opened next.");
        }

        lock (_verified)
        {
            _verified.Add(panel);
        }
    }

    /// <summary>Says what the bytes of a panel are that has just been written.</summary>
    internal void SetHash(int panel, ulong hash) => _entries[panel] = _entries[panel] with { Hash = hash };

    /// <summary>The index as it is written.</summary>
    internal byte[] WriteIndex(string modelPath)
    {
        byte[] index = new byte[IndexBytes(_entries.Count, modelPath)];
        for (int i = 0; i < _entries.Count; i++)
        {
            Span<byte> entry = index.AsSpan(i * EntryBytes, EntryBytes);
            BinaryPrimitives.WriteUInt128LittleEndian(entry, _entries[i].Layer);
            BinaryPrimitives.WriteInt64LittleEndian(entry[16..], _entries[i].Offset);
            BinaryPrimitives.WriteInt64LittleEndian(entry[24..], _entries[i].Length);
            BinaryPrimitives.WriteUInt64LittleEndian(entry[32..], _entries[i].Hash);
        }

        Encoding.UTF8.GetBytes(modelPath, index.AsSpan(_entries.Count * EntryBytes));
        return index;
    }

    /// <summary>The header as it is written.</summary>
    /// <param name="identity">The identity of model, formats and library.</param>
    /// <param name="index">What <see cref="WriteIndex"/> made.</param>
    internal byte[] WriteHeader(UInt128 identity, byte[] index)
    {
        byte[] header = new byte[HeaderBytes];
        s_magic.CopyTo(header, 0);
        FormatName(_format).CopyTo(header.AsSpan(8));
        BinaryPrimitives.WriteUInt128LittleEndian(header.AsSpan(16), identity);
        BinaryPrimitives.WriteInt32LittleEndian(header.AsSpan(32), _entries.Count);
        BinaryPrimitives.WriteInt32LittleEndian(header.AsSpan(36), index.Length - _entries.Count * EntryBytes);
        BinaryPrimitives.WriteUInt64LittleEndian(header.AsSpan(40), XxHash64.HashToUInt64(index));
        BinaryPrimitives.WriteInt64LittleEndian(header.AsSpan(48), _end);
        return header;
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
        long pathBytes = BinaryPrimitives.ReadInt32LittleEndian(header[36..]);
        long start = BinaryPrimitives.ReadInt64LittleEndian(header[48..]);
        if (count < 0 || pathBytes < 0 || start < HeaderBytes || count * EntryBytes + pathBytes > Array.MaxLength || start > fileLength - (count * EntryBytes + pathBytes))
        {
            return null;
        }

        byte[] index = new byte[count * EntryBytes + pathBytes];
        return RandomAccess.Read(file, index, start) == index.Length && XxHash64.HashToUInt64(index) == BinaryPrimitives.ReadUInt64LittleEndian(header[40..]) ? index : null;
    }

    private static byte[] FormatName(string format)
    {
        byte[] name = new byte[FormatBytes];
        Encoding.ASCII.GetBytes(format, name);
        return name;
    }

    private static long IndexBytes(int panelCount, string modelPath) => (long)panelCount * EntryBytes + Encoding.UTF8.GetByteCount(modelPath);

    private static long RoundUp(long offset) => (offset + Alignment - 1) / Alignment * Alignment;

    private readonly record struct Entry(UInt128 Layer, long Offset, long Length, ulong Hash);
}
