using OnnxStream.Interop.Graphs;

namespace OnnxStream.Interop.Operators;

/// <summary>com.microsoft.FusedMatMul: alpha times a product of matrices that may be transposed. https://github.com/microsoft/onnxruntime/blob/main/docs/ContribOperators.md</summary>
/// <remarks>Transposed batches (<c>transBatchA</c>, <c>transBatchB</c>) are not supported.</remarks>
internal sealed class FusedMatMul : FunctionOperator
{
    /// <inheritdoc/>
    public override void Expand(FunctionContext context)
    {
        if (context.Attributes.Int("transBatchA", 0) != 0 || context.Attributes.Int("transBatchB", 0) != 0)
        {
            throw context.Unsupported("a transposed batch");
        }

        Value product = context.Add("MatMul", [Operand(0, "transA"), Operand(1, "transB")]);
        float alpha = context.Attributes.Float("alpha", 1);
        context.SetOutput(0, alpha == 1 ? product : context.Add("Mul", [product, context.Number(context.InputElementType(0), alpha)]));

        Value Operand(int index, string attribute)
        {
            int rank = context.InputShape(index).Rank;
            long[] order = [.. Enumerable.Range(0, rank).Select(axis => (long)axis)];
            if (context.Attributes.Int(attribute, 0) == 0 || rank < 2)
            {
                return context.Input(index);
            }

            (order[^1], order[^2]) = (order[^2], order[^1]);
            return context.Transpose(context.Input(index), order);
        }
    }
}
