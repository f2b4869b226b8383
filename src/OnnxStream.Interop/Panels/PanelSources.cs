using OnnxStream.Interop.Native;

namespace OnnxStream.Interop.Panels;

/// <summary>Decides, before the kernels of a plan are made, where the panels of their layers come from, and remembers what the decisions need.</summary>
/// <param name="store">Where packed panels are kept in files; null if they are not.</param>
/// <param name="kept">Where packed panels of small models are kept in memory; null if they are not.</param>
internal sealed class PanelSources(PanelStore? store = null, KeptPanels? kept = null)
{
    private readonly List<(IPanelLayer Layer, StoredPanels Panels)> _missing = [];
    private readonly List<(UInt128 Identity, long[] Lengths, PanelSource Source)> _keepable = [];

    /// <summary>The format of panels.</summary>
    public PanelFormat Format => store?.Format ?? PanelFormats.Default;

    /// <summary>Whether weights are packed ahead of time, so that kernels may be chosen that need it.</summary>
    public bool UsesStore => store is not null;

    /// <summary>The layers whose panels the store lacks, in the order of their use.</summary>
    public IReadOnlyList<IPanelLayer> Missing => _missing.ConvertAll(missing => missing.Layer);

    /// <summary>The store that layers use; null without one.</summary>
    public PanelStore? Store => IsStoreUsed ? store : null;

    /// <summary>The memory that keeping all packed panels of the plan takes beside what is kept already; 0 if there are none, or not all could be.</summary>
    public long KeepableBytes { get; private set; }

    private bool IsStoreUsed { get; set; }

    /// <summary>Where the panels of a layer come from. Called once for each, when its kernel is made.</summary>
    /// <param name="layer">The layer.</param>
    /// <param name="order">For each panel in the order of its use, its number in the store; null where they are the same.</param>
    public PanelSource Open(IPanelLayer layer, int[]? order = null)
    {
        if (layer.Identity is not { } identity)
        {
            return new PanelSource(layer, Format, null);
        }

        if (store is not null)
        {
            StoredPanels stored = store.Find(layer, out bool isPending);
            IsStoreUsed = true;
            if (isPending)
            {
                _missing.Add((layer, stored));
            }

            return new PanelSource(layer, Format, stored, order);
        }

        PanelSource source = new(layer, Format, null);
        if (kept is not null)
        {
            UInt128 hash = PanelStore.Hash(identity);
            long[] lengths = [.. Enumerable.Range(0, layer.PanelCount).Select(layer.PackedBytes)];
            if (!kept.Contains(hash) && !_keepable.Exists(other => other.Identity == hash))
            {
                KeepableBytes += lengths.Sum(CountedMemory.Align);
            }

            _keepable.Add((hash, lengths, source));
        }

        return source;
    }

    /// <summary>Says that nothing is missing any more.</summary>
    public void SetComplete() => _missing.Clear();

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
