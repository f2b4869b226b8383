using OnnxStream.Interop.Graphs;

namespace OnnxStream.Interop.Operators;

/// <summary>com.microsoft.GemmFastGelu: Gelu, computed with tanh, of a product and a bias. https://github.com/microsoft/onnxruntime/blob/main/docs/ContribOperators.md</summary>
internal sealed class MatMulGelu : FunctionOperator
{
    /// <inheritdoc/>
    public override void Expand(FunctionContext context)
    {
        Value product = context.Add("MatMul", [context.Input(0), context.Input(1)]);
        product = context.OptionalInput(2) is { } bias ? context.Add("Add", [product, bias]) : product;
        context.SetOutput(0, context.Add("Gelu", [product], ("approximate", "tanh")));
    }
}
