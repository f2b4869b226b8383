using OnnxStream.Interop.Graphs;

namespace OnnxStream.Interop.Operators;

/// <summary>com.microsoft's Gelu, BiasGelu, FastGelu and QuickGelu: an activation, of a sum where a bias is given. https://github.com/microsoft/onnxruntime/blob/main/docs/ContribOperators.md</summary>
/// <param name="operatorType">The ONNX operator that is computed.</param>
/// <param name="isApproximate">Whether Gelu is computed with tanh.</param>
internal sealed class BiasActivation(string operatorType, bool isApproximate = false) : FunctionOperator
{
    /// <inheritdoc/>
    public override void Expand(FunctionContext context)
    {
        Value input = context.OptionalInput(1) is { } bias ? context.Add("Add", [context.Input(0), bias]) : context.Input(0);
        context.SetOutput(0, operatorType == "Swish"
            ? context.Add("Swish", [input], ("alpha", context.Attributes.Float("alpha", 1.702f)))
            : context.Add(operatorType, [input], ("approximate", isApproximate ? "tanh" : "none")));
    }
}
