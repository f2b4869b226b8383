using OnnxStream.Interop.Graphs;

namespace OnnxStream.Interop.Operators;

/// <summary>com.microsoft.FusedGemm: Gemm and an activation. https://github.com/microsoft/onnxruntime/blob/main/docs/ContribOperators.md</summary>
internal sealed class GemmWithActivation : FunctionOperator
{
    /// <inheritdoc/>
    public override void Expand(FunctionContext context)
    {
        (string, object)[] attributes = [.. context.Attributes.All.Where(pair => !pair.Key.StartsWith("activation", StringComparison.Ordinal)).Select(pair => (pair.Key, pair.Value))];
        Value result = context.Add("Gemm", [context.Input(0), context.Input(1), context.OptionalInput(2)], attributes);
        context.SetOutput(0, NamedActivation.Apply(context, result, (_, name) => context.Attributes.Has($"activation_{name}") ? context.Attributes.Float($"activation_{name}", 0) : null));
    }
}
