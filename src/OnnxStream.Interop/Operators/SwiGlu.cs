namespace OnnxStream.Interop.Operators;

/// <summary>SwiGLU: Swish of one tensor times another. https://onnx.ai/onnx/operators/onnx__SwiGLU.html (opset 28).</summary>
internal sealed class SwiGlu : FunctionOperator
{
    /// <inheritdoc/>
    public override void Expand(FunctionContext context)
    {
        if (context.InputType(0) != context.InputType(1))
        {
            throw context.Invalid("both inputs must have the same type and shape: nothing is broadcast");
        }

        context.SetOutput(0, context.Add("Mul", [context.Add("Swish", [context.Input(0)], ("alpha", context.Attributes.Float("alpha", 1))), context.Input(1)]));
    }
}
