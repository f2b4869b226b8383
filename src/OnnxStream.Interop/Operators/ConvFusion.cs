using OnnxStream.Interop.Graphs;

namespace OnnxStream.Interop.Operators;

/// <summary>For a channels-last <see cref="Conv"/>: what it does to the image before and to the results after. Results have limits or an activation, not both.</summary>
internal sealed record ConvFusion : NodeFusion
{
    private static readonly ConvFusion s_none = new();

    /// <summary>The limits of the results; null for none.</summary>
    public ResultLimits? Limits { get; init; }

    /// <summary>The activation that results go through; null for none.</summary>
    public ActivationKind? Activation { get; init; }

    /// <summary>Whether height and width of the image are doubled while it is read.</summary>
    public bool IsUpsampled { get; init; }

    /// <summary>What a convolution was told; nothing if no rewrite told it anything.</summary>
    public static ConvFusion Of(Node node) => node.Fusion as ConvFusion ?? s_none;
}
