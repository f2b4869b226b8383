using OnnxStream.Interop.Weights;

namespace OnnxStream.Interop.Panels;

/// <summary>The panels of one layer in a store.</summary>
internal sealed unsafe class StoredPanels
{
    private readonly PanelStorePart _part;
    private readonly int _first;

    /// <summary>Takes <paramref name="count"/> panels of a file from <paramref name="first"/> on, all in one format.</summary>
    public StoredPanels(PanelStorePart part, int first, int count, PanelFormat format)
    {
        _part = part;
        _first = first;
        Ranges = [.. Enumerable.Range(first, count).Select(panel => part.Range(panel, format))];
    }

    /// <summary>Where the panels lie, in order.</summary>
    public IReadOnlyList<WeightRange> Ranges { get; }

    /// <inheritdoc cref="PanelStorePart.Verify"/>
    public void Verify(int panel, byte* bytes) => _part.Verify(_first + panel, bytes);
}
