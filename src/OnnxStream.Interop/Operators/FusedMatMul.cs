using OnnxStream.Interop.Graphs;

namespace OnnxStream.Interop.Operators;

/// <summary>com.microsoft.FusedMatMul, also as TransposeMatMul and with an activation: alpha times a product of matrices that may be transposed. https://github.com/microsoft/onnxruntime/blob/main/docs/ContribOperators.md</summary>
/// <remarks>With <c>transBatchA</c>, the rows of A are its first dimension and its batch the second and those behind it; B likewise.</remarks>
internal sealed class FusedMatMul : FunctionOperator
{
    /// <inheritdoc/>
    public override void Expand(FunctionContext context)
    {
        Value product = context.Add("MatMul", [Operand(0, "A"), Operand(1, "B")]);
        float alpha = context.Attributes.Float("alpha", 1);
        product = alpha == 1 ? product : context.Add("Mul", [product, context.Number(context.InputElementType(0), alpha)]);
        context.SetOutput(0, NamedActivation.Apply(context, product, (_, name) => context.Attributes.Has($"activation_{name}") ? context.Attributes.Float($"activation_{name}", 0) : null));

        Value Operand(int index, string name)
        {
            int rank = context.InputShape(index).Rank;
            long[] order = [.. Enumerable.Range(0, rank).Select(axis => (long)axis)];
            if (rank > 2 && context.Attributes.Int($"transBatch{name}", 0) != 0)
            {
                order = [.. order[1..^1], 0, order[^1]];
            }

            if (rank > 1 && context.Attributes.Int($"trans{name}", 0) != 0)
            {
                (order[^1], order[^2]) = (order[^2], order[^1]);
            }

            return order.SequenceEqual(order.Order()) ? context.Input(index) : context.Transpose(context.Input(index), order);
        }
    }
}
