using System.IO.Hashing;
using System.Text;
using OnnxStream.Interop.Bindings;

namespace OnnxStream.Interop.Panels;

/// <summary>The packed panels of one model in one format, kept in files. All plans of the model share them.</summary>
/// <remarks>
/// Panels are found by the identity of their layer, which depends on the weight, the division into panels and the layout of the kernel, so that a
/// plan for another batch or for activations in half precision finds those of the first plan. Panels that a plan misses go into a file of
/// their own beside the first (<c>NAME.2.panels</c>): a file that is complete never changes, and other processes may have it mapped.
/// </remarks>
internal sealed class PanelStore
{
    // More files of one model than this are not searched.
    private const int MostParts = 1000;

    private readonly string _path;
    private readonly UInt128 _identity;
    private readonly List<PanelStorePart> _parts = [];
    private string _pendingPath = "";
    private PanelStorePart? _pending;

    private PanelStore(string path, UInt128 identity, PanelFormat format)
    {
        _path = path;
        _identity = identity;
        Format = format;
        FindParts();
    }

    /// <summary>The format of the panels.</summary>
    public PanelFormat Format { get; }

    /// <summary>Why a new file is needed: there is none yet, or the one that is there belongs to something else.</summary>
    public string Reason { get; private set; } = "there is none yet";

    /// <summary>The first file.</summary>
    public string Path => _path;

    /// <summary>What is to be written before the plan can run; null for nothing.</summary>
    public PanelStorePart? Pending => _pending;

    /// <summary>Opens the store of a model. It need not be there.</summary>
    /// <param name="options">Which file.</param>
    /// <param name="modelPath">The model.</param>
    /// <param name="modelIdentity">What says that weights are the same: the files that they lie in, with their sizes and versions.</param>
    public static unsafe PanelStore Open(PanelStoreOptions options, string modelPath, string modelIdentity)
    {
        PanelFormat format = options.Format;
        nuint length = Xnnpack.xnn_experimental_get_build_identifier_size();
        ReadOnlySpan<byte> build = new(Xnnpack.xnn_experimental_get_build_identifier_data(), (int)length);
        UInt128 identity = XxHash128.HashToUInt128([.. Encoding.UTF8.GetBytes($"{modelPath}\n{modelIdentity}\n{format.Identity}\n"), .. build]);
        string path = options.Path ?? System.IO.Path.Combine(PanelStoreOptions.CacheFolder, $"{identity:x32}{PanelStorePart.Extension}");
        return new PanelStore(path, identity, format);
    }

    /// <summary>The identity of a layer as the store finds it by.</summary>
    public static UInt128 Hash(string layerIdentity) => XxHash128.HashToUInt128(Encoding.UTF8.GetBytes(layerIdentity));

    /// <summary>The panels of a layer: those that are there, or those that will be when <see cref="Pending"/> is written.</summary>
    /// <param name="layer">The layer.</param>
    /// <param name="isPending">Whether they are to be written.</param>
    public StoredPanels Find(IPanelLayer layer, out bool isPending)
    {
        UInt128 hash = Hash(layer.Identity!);
        long[] lengths = new long[layer.PanelCount];
        for (int i = 0; i < lengths.Length; i++)
        {
            lengths[i] = Format.StoredBytes(layer.PackedBytes(i));
        }

        isPending = false;
        foreach (PanelStorePart part in _parts)
        {
            if (part.Find(hash, lengths) is { } found)
            {
                return found;
            }
        }

        _pending ??= new PanelStorePart(_pendingPath, Format);
        if (_pending.Find(hash, lengths) is { } same)
        {
            // Another layer of the same weight.
            return same;
        }

        isPending = true;
        return _pending.Add(hash, lengths);
    }

    /// <summary>Starts to write what is missing.</summary>
    /// <param name="modelPath">The model, for those who look at the store.</param>
    /// <param name="blocks">How many blocks of <see cref="BlockWriter.BlockBytes"/> may be in memory at once.</param>
    public StoreWriter Write(string modelPath, int blocks) => new(_pending!, _identity, modelPath, blocks, replaces: _parts.Count == 0);

    /// <summary>Says that what was missing has been written: it belongs to the store now.</summary>
    public void Keep()
    {
        bool isFirst = _parts.Count == 0;
        _parts.Add(_pending!);
        _pending = null;
        for (int number = 2; isFirst && File.Exists(PathOf(number)); number++)
        {
            // Left behind by another model or version that had the first file before.
            if (PanelStorePart.TryOpen(PathOf(number), _identity, Format, out _) is null)
            {
                File.Delete(PathOf(number));
            }
        }

        int next = _parts.Count + 1;
        while (File.Exists(PathOf(next)))
        {
            next++;
        }

        _pendingPath = PathOf(next);
    }

    /// <summary>Says that what was missing is not needed any more. Files that have gone meanwhile are forgotten.</summary>
    public void Forget()
    {
        _pending = null;
        if (!_parts.TrueForAll(part => File.Exists(part.Path)))
        {
            FindParts();
        }
    }

    private void FindParts()
    {
        _parts.Clear();
        int number = 1;
        for (; number < MostParts && File.Exists(PathOf(number)); number++)
        {
            if (PanelStorePart.TryOpen(PathOf(number), _identity, Format, out string reason) is { } found)
            {
                _parts.Add(found);
            }
            else if (number == 1)
            {
                // The first file decides whether the store is one of this model.
                Reason = reason;
                break;
            }
        }

        _pendingPath = PathOf(number);
    }

    private string PathOf(int number) => number == 1 ? _path :
        System.IO.Path.Combine(System.IO.Path.GetDirectoryName(_path)!, $"{System.IO.Path.GetFileNameWithoutExtension(_path)}.{number}{System.IO.Path.GetExtension(_path)}");
}
