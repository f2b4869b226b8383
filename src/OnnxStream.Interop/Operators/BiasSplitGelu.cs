using OnnxStream.Interop.Graphs;

namespace OnnxStream.Interop.Operators;

/// <summary>com.microsoft.BiasSplitGelu: of a sum with a bias, the first half times Gelu of the second. https://github.com/microsoft/onnxruntime/blob/main/docs/ContribOperators.md</summary>
internal sealed class BiasSplitGelu : FunctionOperator
{
    /// <inheritdoc/>
    public override void Expand(FunctionContext context)
    {
        Value sum = context.Add("Add", [context.Input(0), context.Input(1)]);
        Shape shape = sum.Type!.Value.Shape;
        if (shape.Rank < 1 || shape[^1] % 2 != 0)
        {
            throw context.Invalid($"{shape} cannot be divided into two halves");
        }

        (int axis, long half) = (shape.Rank - 1, shape[^1] / 2);
        context.SetOutput(0, context.Add("Mul", [context.Slice(sum, axis, 0, half), context.Add("Gelu", [context.Slice(sum, axis, half, 2 * half)])]));
    }
}
