using OnnxStream.Interop.Native;
using OnnxStream.Interop.Weights;

namespace OnnxStream.Interop.Panels;

/// <summary>Where the panels of one layer come from: a store, the memory of the session, or the weight, of which they are packed when they are used.</summary>
/// <remarks>The one place where a panel is acquired, checked, expanded and released.</remarks>
internal sealed unsafe class PanelSource
{
    // Expanded by one thread at a time. A part is a whole number of packed numbers in any format.
    private const long PartBytes = 256 << 10;

    private readonly IPanelLayer _layer;
    private readonly StoredPanels? _stored;
    private readonly int[]? _order;
    private KeptPanels.Layer? _kept;

    /// <summary>Makes the source of a layer.</summary>
    /// <param name="layer">The layer.</param>
    /// <param name="stored">Its panels in a store; null if they are packed when they are used.</param>
    /// <param name="order">For each panel in the order of its use, its number in the store; null where they are the same.</param>
    public PanelSource(IPanelLayer layer, StoredPanels? stored, int[]? order = null)
    {
        _layer = layer;
        _stored = stored;
        _order = order;
        Ranges = stored is null ? layer.UnpackedWeights : order is null ? stored.Ranges : Array.ConvertAll(order, panel => stored.Ranges[panel]);
    }

    /// <summary>The format of the panels.</summary>
    public PanelFormat Format => _layer.Format;

    /// <summary>Whether the panels are in a store; otherwise the layer packs them.</summary>
    public bool IsStored => _stored is not null;

    /// <summary>Whether a panel needs memory of the worker that uses it.</summary>
    public bool NeedsMemory => _stored is null || !Format.IsUsedInPlace;

    /// <summary>The ranges that the kernel streams, in the order of their use.</summary>
    public IReadOnlyList<WeightRange> Ranges { get; }

    /// <summary>The weights of which the kernel reads parts.</summary>
    public IReadOnlyList<WeightRange> PartlyRead => _stored is null && _layer.PartlyRead is { } range ? [range] : [];

    /// <summary>Whether all panels are in the memory of the session, so that nothing is streamed.</summary>
    public bool IsComplete => _kept?.IsComplete == true;

    /// <summary>From now on, keeps packed panels in the memory of the session.</summary>
    public void Keep(KeptPanels.Layer kept) => _kept = kept;

    /// <summary>A packed panel from a store or from memory; null if the layer must pack it.</summary>
    /// <param name="weights">Brings in ranges.</param>
    /// <param name="panel">The panel, in the order of use.</param>
    /// <param name="memory">Where to expand it, if <see cref="NeedsMemory"/>.</param>
    /// <param name="workers">The threads that expand it together; null for the calling one.</param>
    /// <exception cref="WeightsException">It cannot be read, or is damaged.</exception>
    public byte* TryAcquire(IWeightAccess weights, int panel, byte* memory, WorkerPool? workers = null)
    {
        if (_stored is null)
        {
            byte* kept = _kept is null ? null : _kept.Find(panel);
            if (kept is not null && Ranges.Count == _layer.PanelCount)
            {
                weights.SkipWeight(panel);
            }

            return kept;
        }

        byte* stored = weights.AcquireWeight(panel);
        try
        {
            _stored.Verify(_order is null ? panel : _order[panel], stored);
            if (!Format.IsUsedInPlace)
            {
                Expand(stored, memory, _layer.PackedBytes(_order is null ? panel : _order[panel]), workers);
            }
        }
        catch
        {
            weights.ReleaseWeight(panel);
            throw;
        }

        if (Format.IsUsedInPlace)
        {
            return stored;
        }

        weights.ReleaseWeight(panel);
        return memory;
    }

    /// <summary>Where a layer packs a panel that <see cref="TryAcquire"/> did not find.</summary>
    /// <param name="panel">The panel.</param>
    /// <param name="memory">Memory of the worker.</param>
    public byte* PackInto(int panel, byte* memory) => _kept is not null && _kept.Reserve(panel) is var kept && kept is not null ? kept : memory;

    /// <summary>Says that the layer has packed a panel.</summary>
    public void SetPacked(int panel) => _kept?.SetPacked(panel);

    /// <summary>Gives a panel back that <see cref="TryAcquire"/> returned.</summary>
    public void Release(IWeightAccess weights, int panel)
    {
        if (_stored is not null && Format.IsUsedInPlace)
        {
            weights.ReleaseWeight(panel);
        }
    }

    private void Expand(byte* stored, byte* packed, long packedBytes, WorkerPool? workers)
    {
        if (workers is null)
        {
            Format.Expand(stored, packed, packedBytes);
            return;
        }

        workers.Parallelize(new Expansion(Format, stored, packed, packedBytes), checked((int)((packedBytes + PartBytes - 1) / PartBytes)), packedBytes);
    }

    private sealed class Expansion(PanelFormat format, byte* stored, byte* packed, long packedBytes) : IParallelBody
    {
        public void Execute(int index)
        {
            long first = index * PartBytes;
            format.Expand(stored + format.StoredBytes(first), packed + first, Math.Min(PartBytes, packedBytes - first));
        }
    }
}
