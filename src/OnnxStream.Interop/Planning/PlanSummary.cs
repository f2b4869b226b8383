namespace OnnxStream.Interop;

/// <summary>What a session has decided before it runs: the steps, and the memory that they need.</summary>
/// <remarks>Numbers of bytes are for all parts that are known (<see cref="Parts"/>): a session without a budget keeps the plans of all of them.</remarks>
/// <param name="Steps">The steps in the order in which they run, those of both branches of an If included.</param>
/// <param name="ArenaBytes">The block that holds all tensors and scratch memory at fixed places; one for each set of inputs.</param>
/// <param name="ConstantBytes">Small constants that stay in memory.</param>
/// <param name="OperatorBytes">XNNPACK's operators and what kernels hold besides.</param>
/// <param name="WeightBufferBytes">Buffers that weights are copied into panel by panel.</param>
/// <param name="WindowBytes">The most bytes of weights that are in memory at once beside those buffers: read ahead or in use.</param>
/// <param name="SmallestBudgetBytes">The smallest <see cref="SessionOptions.MemoryBudget"/> that can be met; where parts are not known, by those that are.</param>
public sealed record PlanSummary(
    IReadOnlyList<PlanStep> Steps,
    long ArenaBytes,
    long ConstantBytes,
    long OperatorBytes,
    long WeightBufferBytes,
    long WindowBytes,
    long SmallestBudgetBytes)
{
    /// <summary>The parts that are planned one by one, and those that cannot be planned before data is seen.</summary>
    public IReadOnlyList<PlanPart> Parts { get; init; } = [];

    /// <summary>The weights that are divided into panels, in the order of their use. One that is packed in two ways is listed for each.</summary>
    public IReadOnlyList<PlanWeight> Weights => [.. Parts.SelectMany(part => part.Weights).DistinctBy(weight => weight.Identity)];

    /// <summary>The most bytes of tensors between the parts.</summary>
    public long TensorBytes { get; init; }

    /// <summary>The sets of inputs that are run together (<see cref="InferenceSession.RunBatch"/>). Bytes of memory are for all of them; steps, and what they compute, are those of one.</summary>
    public int Sets { get; init; } = 1;

    /// <summary>The bytes of the tensors that a run returns, for one set of inputs, in managed memory; the largest possible ones where shapes depend on data, and without those of which nothing is known.</summary>
    public long OutputBytes { get; init; }

    /// <summary>The budget of the session in bytes; null for none.</summary>
    public long? BudgetBytes { get; init; }

    /// <summary>The file of packed weights that the steps read; null without one.</summary>
    public string? PanelStorePath { get; init; }

    /// <summary>Packed weights that stay in memory from run to run, where there is room for all of them (<see cref="SessionOptions.KeptPanelBytes"/>). Plans of the session share them.</summary>
    public long KeptPanelBytes { get; init; }

    /// <summary>The native memory that the session holds while it runs, from the first step to the last: weights that come and go, and packed weights that are kept, are not counted.</summary>
    public long PeakNativeBytes => ArenaBytes + ConstantBytes + OperatorBytes + WeightBufferBytes + TensorBytes;

    /// <summary>The most memory that the session holds while it runs: what <see cref="SessionOptions.MemoryBudget"/> limits.</summary>
    public long PeakBytes => Math.Min(PeakNativeBytes + WindowBytes + KeptPanelBytes, BudgetBytes ?? long.MaxValue);

    /// <summary>The bytes of weights that a run reads; rows that are looked up in a table are not counted.</summary>
    public long WeightsBytes => Steps.Sum(step => step.WeightsBytes);

    /// <summary>Floating-point operations of a run, as its operators are defined (a multiplication and an addition are two).</summary>
    public long Flops => Steps.Sum(step => step.Flops);
}

/// <summary>A step of a plan.</summary>
/// <param name="NodeName">The node that it computes, or a part of.</param>
/// <param name="OperatorType">The operator of that node.</param>
/// <param name="KernelName">What computes.</param>
/// <param name="Shapes">The shapes that it reads and writes, as in <c>[1,64,64,320] -> [1,64,64,640]:f16</c>; half precision and blocks of 8 bits (<c>:int8</c>) are marked.</param>
/// <param name="Flops">Floating-point operations as the operator is defined; 0 where there are no products.</param>
/// <param name="Panels">The panels in which its weight is streamed; 0 without one.</param>
/// <param name="WeightsBytes">The bytes of weights that it reads; rows that are looked up in a table are not counted.</param>
/// <param name="ScratchBytes">The memory that only this step needs.</param>
/// <param name="LiveBytes">All memory of the arena that holds something during the step, its scratch memory included.</param>
public sealed record PlanStep(
    string NodeName, string OperatorType, string KernelName, string Shapes, long Flops, int Panels, long WeightsBytes, long ScratchBytes, long LiveBytes);
