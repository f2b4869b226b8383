using OnnxStream.Interop.Weights;

namespace OnnxStream.Interop.Panels;

/// <summary>The panels of one layer in a store.</summary>
internal sealed unsafe class StoredPanels
{
    private readonly PanelStore _store;
    private readonly int _first;

    /// <summary>Takes <paramref name="count"/> panels of a store from <paramref name="first"/> on.</summary>
    public StoredPanels(PanelStore store, int first, int count)
    {
        _store = store;
        _first = first;
        Ranges = [.. Enumerable.Range(first, count).Select(store.Range)];
    }

    /// <summary>Where the panels lie, in order.</summary>
    public IReadOnlyList<WeightRange> Ranges { get; }

    /// <summary>Whether panels are computed with where they are; otherwise they are half precision and have to be expanded first.</summary>
    public bool AreUsedInPlace => _store.ElementType == ElementType.Float32;

    /// <inheritdoc cref="PanelStore.Verify"/>
    public void Verify(int panel, byte* bytes) => _store.Verify(_first + panel, bytes);
}
