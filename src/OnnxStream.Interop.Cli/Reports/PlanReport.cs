namespace OnnxStream.Interop.Cli.Reports;

/// <summary>What <c>plan --json</c> prints.</summary>
/// <param name="Steps">The steps, in the order in which they run.</param>
/// <param name="Parts">The parts that are planned one by one, and those that cannot be planned before data is seen.</param>
/// <param name="Flops">Floating-point operations of a run.</param>
/// <param name="WeightsBytes">Bytes of weights that a run reads.</param>
/// <param name="ArenaBytes">The block that holds all tensors and scratch memory.</param>
/// <param name="ConstantBytes">Small constants that stay in memory.</param>
/// <param name="OperatorBytes">XNNPACK's operators and what kernels hold besides.</param>
/// <param name="WeightBufferBytes">Buffers that weights are copied into.</param>
/// <param name="WindowBytes">The most bytes of weights that are resident at once.</param>
/// <param name="TensorBytes">The most bytes of tensors between the parts.</param>
/// <param name="KeptPanelBytes">Packed weights that stay in memory from run to run.</param>
/// <param name="PredictedPeakBytes">The most memory that the library holds in native buffers.</param>
/// <param name="PredictedPeakRssBytes">The most memory that a process that runs the plan has resident.</param>
/// <param name="MemoryBudgetBytes">The most memory that the process is allowed (--memory); null for no limit.</param>
/// <param name="SmallestBudgetBytes">The smallest --memory that can be met.</param>
/// <param name="PanelStore">The file of packed weights that the steps read, made or not; null without one.</param>
/// <param name="Layers">The weights that are divided into panels, in the order of their use.</param>
/// <param name="TargetError">The largest error of the outputs with which types of panels were chosen (--panel-type auto); null where they were not.</param>
/// <param name="MeasuredError">The error that was measured then.</param>
/// <param name="Time">How long a run will take (--time); null where it was not asked for.</param>
internal sealed record PlanReport(
    IReadOnlyList<PlanStepReport> Steps,
    IReadOnlyList<PlanPartReport> Parts,
    long Flops,
    long WeightsBytes,
    long ArenaBytes,
    long ConstantBytes,
    long OperatorBytes,
    long WeightBufferBytes,
    long WindowBytes,
    long TensorBytes,
    long KeptPanelBytes,
    long PredictedPeakBytes,
    long PredictedPeakRssBytes,
    long? MemoryBudgetBytes,
    long SmallestBudgetBytes,
    string? PanelStore,
    IReadOnlyList<PlanLayerReport> Layers,
    double? TargetError,
    double? MeasuredError,
    PlanTimeReport? Time);

/// <summary>A step of a plan.</summary>
/// <param name="Node">The node that it computes, or a part of.</param>
/// <param name="Operator">The operator of that node.</param>
/// <param name="Kernel">What computes.</param>
/// <param name="Shapes">The shapes that it reads and writes.</param>
/// <param name="Flops">Floating-point operations; 0 where there are no products.</param>
/// <param name="Panels">The panels in which its weight is streamed; 0 without one.</param>
/// <param name="WeightsBytes">The bytes of weights that it reads.</param>
/// <param name="ScratchBytes">The memory that only this step needs.</param>
/// <param name="LiveBytes">All memory of the arena that holds something during the step.</param>
internal sealed record PlanStepReport(
    string Node, string Operator, string Kernel, string Shapes, long Flops, int Panels, long WeightsBytes, long ScratchBytes, long LiveBytes)
{
    /// <summary>Describes a step.</summary>
    public static PlanStepReport Of(PlanStep step) => new(
        step.NodeName, step.OperatorType, step.KernelName, step.Shapes, step.Flops, step.Panels, step.WeightsBytes, step.ScratchBytes, step.LiveBytes);
}
