using OnnxStream.Interop.Graphs;

namespace OnnxStream.Interop.Operators;

/// <summary>com.microsoft.Pad: as ONNX's, but pads may be [1, 2 * rank], and the value a vector. https://github.com/microsoft/onnxruntime/blob/main/docs/ContribOperators.md</summary>
internal sealed class PadOfInput : FunctionOperator
{
    /// <inheritdoc/>
    public override void Expand(FunctionContext context)
    {
        Value pads = context.Reshape(context.Input(1), context.InputShape(1).ElementCount);
        Value? value = context.OptionalInput(2) is { } given && context.InputShape(2).ElementCount == 1 ? context.Reshape(given) : context.OptionalInput(2);
        context.SetOutput(0, context.Add("Pad", [context.Input(0), pads, value], ("mode", context.Attributes.String("mode", "constant"))));
    }
}
