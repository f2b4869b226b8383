using OnnxStream.Interop.Native;
using OnnxStream.Interop.Weights;

namespace OnnxStream.Interop.Panels;

/// <summary>Decides, before the kernels of a plan are made, where the panels of their layers come from, and remembers what the decisions need.</summary>
/// <param name="store">Where packed panels are kept in files; null if they are not.</param>
/// <param name="kept">Where packed panels of small models are kept in memory; null if they are not.</param>
/// <param name="packed">The formats in which weights are packed without a store; null for single precision.</param>
internal sealed class PanelSources(PanelStore? store = null, KeptPanels? kept = null, PanelFormatChoice? packed = null)
{
    private readonly List<IPanelLayer> _missing = [];
    private readonly List<(UInt128 Identity, long[] Lengths, PanelSource Source)> _keepable = [];
    private PanelStorePart? _pending;
    private bool _isStoreUsed;

    /// <summary>The formats of panels that were chosen. A layer has another one where its own does not take its weight.</summary>
    public PanelFormatChoice Formats { get; } = store?.Formats ?? packed ?? PanelFormatChoice.Default;

    /// <summary>Whether weights are packed ahead of time, so that kernels may be chosen that need it.</summary>
    public bool UsesStore => store is not null;

    /// <summary>The layers whose panels the store lacked when the plan was made, in the order of their use.</summary>
    public IReadOnlyList<IPanelLayer> Missing => _missing;

    /// <summary>What must be written before the plan can run; null for nothing.</summary>
    public PanelStorePart? Pending => _pending;

    /// <summary>Whether another plan has written some of what was missing since: this one should be made again.</summary>
    public bool IsOutdated => _missing.Exists(layer => store!.Find(layer) is not null);

    /// <summary>The store that layers use; null without one.</summary>
    public PanelStore? Store => _isStoreUsed ? store : null;

    /// <summary>The weights that missing panels are made of.</summary>
    public IEnumerable<WeightRange> MissingRanges => _missing.SelectMany(layer => layer.UnpackedWeights.Concat(layer.PartlyRead is { } range ? [range] : []));

    /// <summary>The memory that keeping all packed panels of the plan takes beside what is kept already; 0 if there are none, or not all could be.</summary>
    public long KeepableBytes { get; private set; }

    /// <summary>Where the panels of a layer come from. Called once for each, when its kernel is made.</summary>
    /// <param name="layer">The layer.</param>
    /// <param name="order">For each panel in the order of its use, its number in the store; null where they are the same.</param>
    public PanelSource Open(IPanelLayer layer, int[]? order = null)
    {
        if (layer.Identity is not { } identity)
        {
            return new PanelSource(layer, null);
        }

        if (store is not null)
        {
            _isStoreUsed = true;
            StoredPanels? stored = store.Find(layer);
            if (stored is null)
            {
                stored = store.Add(layer, ref _pending, out bool isNew);
                if (isNew)
                {
                    _missing.Add(layer);
                }
            }

            return new PanelSource(layer, stored, order);
        }

        PanelSource source = new(layer, null);
        if (kept is not null)
        {
            UInt128 hash = PanelStore.Hash($"{layer.Format.Identity}:{identity}");
            long[] lengths = [.. Enumerable.Range(0, layer.PanelCount).Select(layer.PackedBytes)];
            if (!kept.Contains(hash) && !_keepable.Exists(other => other.Identity == hash))
            {
                KeepableBytes += lengths.Sum(CountedMemory.Align);
            }

            _keepable.Add((hash, lengths, source));
        }

        return source;
    }

    /// <summary>Says that the plan is given up.</summary>
    public void Release()
    {
        if (_pending is not null)
        {
            store!.Release(_pending);
        }
    }

    /// <summary>Says that nothing is missing any more.</summary>
    public void SetComplete()
    {
        _missing.Clear();
        _pending = null;
    }

    /// <summary>Keeps the packed panels of all layers, if there is room.</summary>
    /// <param name="room">The bytes that may be held beside everything else.</param>
    public void Keep(long room)
    {
        if (_keepable.Count == 0 || KeepableBytes > Math.Min(room, kept!.LimitBytes - kept.Bytes))
        {
            return;
        }

        foreach ((UInt128 identity, long[] lengths, PanelSource source) in _keepable)
        {
            source.Keep(kept.Add(identity, lengths));
        }
    }
}
