namespace OnnxStream.Interop.Operators;

/// <summary>Returns its input. https://onnx.ai/onnx/operators/onnx__Identity.html (opsets 1 to 24: only types were added).</summary>
internal sealed class Identity : Operator
{
    /// <inheritdoc/>
    public override void Infer(InferenceContext context)
    {
        context.SetOutput(0, context.InputElementType(0), context.InputShape(0));
        if (context.ConstantInput(0) is { } constant)
        {
            context.SetConstantOutput(0, constant);
        }
    }

    /// <inheritdoc/>
    public override void Lower(LoweringContext context) => context.View(0, context.Input(0));
}
