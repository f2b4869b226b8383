namespace OnnxStream.Interop.Cli.Reports;

/// <summary>A part of a model that is planned at once.</summary>
/// <param name="Name">Where it is: the nodes, and the control flow around them.</param>
/// <param name="Steps">The number of its steps.</param>
/// <param name="ArenaBytes">The block that holds its tensors and scratch memory.</param>
/// <param name="ConstantBytes">Small constants that stay in memory.</param>
/// <param name="OperatorBytes">XNNPACK's operators and what kernels hold besides.</param>
/// <param name="WeightBufferBytes">Buffers that weights are copied into.</param>
/// <param name="WindowBytes">The most bytes of weights that are resident at once.</param>
/// <param name="TensorBytes">The tensors of other parts that exist while this one runs.</param>
/// <param name="SmallestBudgetBytes">The least memory in which it can be planned and run, those tensors included.</param>
/// <param name="Bound">Why it is planned for the largest possible shapes; null if it is not.</param>
/// <param name="Unknown">Why nothing is known of it before data is seen; null if it is planned.</param>
internal sealed record PlanPartReport(
    string Name, int Steps, long ArenaBytes, long ConstantBytes, long OperatorBytes, long WeightBufferBytes, long WindowBytes, long TensorBytes, long SmallestBudgetBytes, string? Bound, string? Unknown)
{
    /// <summary>Describes a part.</summary>
    public static PlanPartReport Of(PlanPart part) => new(
        part.Name, part.Steps.Count, part.ArenaBytes, part.ConstantBytes, part.OperatorBytes, part.WeightBufferBytes, part.WindowBytes, part.TensorBytes, part.SmallestBudgetBytes, part.Bound, part.Unknown);
}
