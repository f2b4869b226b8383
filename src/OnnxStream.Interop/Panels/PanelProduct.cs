namespace OnnxStream.Interop.Panels;

/// <summary>A product of data and the weights of one panel, as an XNNPACK operator computes it.</summary>
internal abstract record PanelProduct
{
    /// <summary>The weights of an output channel.</summary>
    public abstract long PerOutput { get; }

    /// <summary>Elements from a row of results to the next; 0 for as many as the panel has output channels.</summary>
    public long OutputStride { get; init; }

    /// <summary>The least result; a smaller one becomes it.</summary>
    public float Low { get; init; } = float.NegativeInfinity;

    /// <summary>The greatest result; a larger one becomes it.</summary>
    public float High { get; init; } = float.PositiveInfinity;
}
