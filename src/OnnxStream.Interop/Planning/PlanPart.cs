namespace OnnxStream.Interop;

/// <summary>A part of a model that is planned at once: nodes up to one whose result decides on shapes, or up to control flow; a branch; a body.</summary>
/// <param name="Name">Where it is: the nodes, and the control flow around them.</param>
/// <param name="Steps">The steps in the order in which they run.</param>
/// <param name="ArenaBytes">The block that holds all tensors and scratch memory of the part at fixed places; one for each set of inputs.</param>
/// <param name="ConstantBytes">Small constants that stay in memory.</param>
/// <param name="OperatorBytes">XNNPACK's operators and what kernels hold besides.</param>
/// <param name="WeightBufferBytes">Buffers that weights are copied into panel by panel.</param>
/// <param name="WindowBytes">The most bytes of weights that are in memory at once beside those buffers: read ahead or in use.</param>
/// <param name="TensorBytes">The tensors of other parts that exist while this one runs, and its own outputs for others.</param>
/// <param name="SmallestBudgetBytes">The least memory in which the part can be planned and run, those tensors included.</param>
public sealed record PlanPart(
    string Name,
    IReadOnlyList<PlanStep> Steps,
    long ArenaBytes,
    long ConstantBytes,
    long OperatorBytes,
    long WeightBufferBytes,
    long WindowBytes,
    long TensorBytes,
    long SmallestBudgetBytes)
{
    /// <summary>Why the part is planned for the largest shapes that are possible, not for those of a run; null if it is not.</summary>
    public string? Bound { get; init; }

    /// <summary>Why nothing is known of the part before data is seen; null if it is planned.</summary>
    public string? Unknown { get; init; }

    /// <summary>The weights that are divided into panels, in the order of their use.</summary>
    internal IReadOnlyList<PlanWeight> Weights { get; init; } = [];

    /// <summary>A part of which nothing is known.</summary>
    internal static PlanPart NotKnown(string name, string reason) => new(name, [], 0, 0, 0, 0, 0, 0, 0) { Unknown = reason };
}
