using OnnxStream.Interop.Native;

namespace OnnxStream.Interop.Panels;

/// <summary>Packed panels of small models that a session keeps in memory, shared by its plans. Without a store, weights would be packed anew in every run.</summary>
/// <param name="limitBytes">The most bytes that are kept.</param>
/// <param name="account">What the session holds.</param>
/// <remarks>Panels are kept where all of a plan fit (<see cref="LimitBytes"/>), and given up where the budget needs their memory.</remarks>
internal sealed unsafe class KeptPanels(long limitBytes, MemoryAccount account) : IDisposable
{
    /// <summary>The most bytes that are kept without a stated budget: 32 MiB.</summary>
    public const long DefaultLimitBytes = 32L << 20;

    private readonly Dictionary<UInt128, Layer> _layers = [];

    /// <summary>The most bytes that are kept.</summary>
    public long LimitBytes => limitBytes;

    /// <summary>The bytes that are kept, or will be when the plans have run once.</summary>
    public long Bytes => _layers.Values.Sum(layer => layer.Bytes);

    /// <summary>The bytes that are promised, but not taken yet.</summary>
    public long PromisedBytes => _layers.Values.Sum(layer => layer.PromisedBytes);

    /// <summary>Where the packed panels of a layer are kept.</summary>
    /// <param name="identity">The identity of the layer.</param>
    /// <param name="lengths">The size of each panel in bytes.</param>
    public Layer Add(UInt128 identity, IReadOnlyList<long> lengths)
    {
        if (!_layers.TryGetValue(identity, out Layer? layer))
        {
            layer = new Layer([.. lengths], account);
            _layers.Add(identity, layer);
        }

        return layer;
    }

    /// <summary>Whether the panels of a layer are among those that are kept.</summary>
    public bool Contains(UInt128 identity) => _layers.ContainsKey(identity);

    /// <summary>Frees all panels. Plans that used them pack theirs in every run from now on.</summary>
    public void Clear()
    {
        foreach (Layer layer in _layers.Values)
        {
            layer.Dispose();
        }

        _layers.Clear();
    }

    /// <inheritdoc/>
    public void Dispose() => Clear();

    /// <summary>The panels of one layer.</summary>
    internal sealed class Layer(long[] lengths, MemoryAccount account) : IDisposable
    {
        private readonly NativeBuffer?[] _panels = new NativeBuffer?[lengths.Length];
        private readonly bool[] _isPacked = new bool[lengths.Length];
        private bool _isDisposed;

        /// <summary>The bytes of all panels.</summary>
        public long Bytes { get; } = lengths.Sum(CountedMemory.Align);

        /// <summary>The bytes of panels that have no memory yet.</summary>
        public long PromisedBytes => lengths.Where((_, panel) => _panels[panel] is null).Sum(CountedMemory.Align);

        /// <summary>Whether every panel has been packed.</summary>
        public bool IsComplete => Array.TrueForAll(_isPacked, packed => packed);

        /// <summary>A packed panel; null if it has not been packed yet.</summary>
        public byte* Find(int panel) => _isPacked[panel] ? _panels[panel]!.Pointer : null;

        /// <summary>Memory to pack a panel into; null if it is not kept any more.</summary>
        /// <exception cref="NativeMemoryException">The operating system refuses it.</exception>
        public byte* Reserve(int panel)
        {
            if (_isDisposed)
            {
                return null;
            }

            if (_panels[panel] is null)
            {
                // The plan that packs it may be given up before the others that use it.
                using MemoryAccount.Scope scope = MemoryAccount.Enter(account);
                _panels[panel] = new NativeBuffer(lengths[panel]);
            }

            return _panels[panel]!.Pointer;
        }

        /// <summary>Says that a panel has been packed.</summary>
        public void SetPacked(int panel) => _isPacked[panel] = !_isDisposed;

        /// <inheritdoc/>
        public void Dispose()
        {
            _isDisposed = true;
            Array.Clear(_isPacked);
            foreach (NativeBuffer? panel in _panels)
            {
                panel?.Dispose();
            }
        }
    }
}
