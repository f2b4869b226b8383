namespace OnnxStream.Interop.Operators;

/// <summary>If, Loop and Scan: nodes whose attributes are graphs. https://onnx.ai/onnx/operators/onnx__Loop.html</summary>
/// <remarks>
/// They are no steps of a plan: which graph runs, and how often, depends on data. The session cuts its graph there and runs their
/// graphs itself (<see cref="Execution.ControlFlowRunner"/>), each planned like the main one. Where planning knows the condition of
/// an If, the nodes of its branch take its place (<see cref="Graphs.Specializer"/>).
/// </remarks>
internal sealed class ControlFlow : Operator
{
    /// <inheritdoc/>
    public override void Infer(InferenceContext context) => throw NotAStep();

    /// <inheritdoc/>
    public override void Lower(LoweringContext context) => throw NotAStep();

    private static InvalidOperationException NotAStep() => new("Control flow is not a step of a plan.");
}
