using OnnxStream.Interop.Graphs;

namespace OnnxStream.Interop.Operators;

/// <summary>com.microsoft.GatedRelativePositionBias: a bias of attention by the distance of tokens, times a gate that queries decide on. https://github.com/microsoft/onnxruntime/blob/main/docs/ContribOperators.md</summary>
internal sealed class GatedRelativePositionBias : FunctionOperator
{
    /// <inheritdoc/>
    public override void Expand(FunctionContext context)
    {
        long heads = context.Attributes.Int("num_heads", 0);
        Shape weight = context.InputShape(3);
        if (heads < 1 || weight.Rank != 2 || weight[1] % 2 != 0 || context.InputShape(0).Rank < 2 || context.InputShape(1) != new Shape(context.InputShape(0)[^1]) || context.InputShape(0)[^1] != heads * weight[0] || context.InputShape(4) != new Shape(weight[1]))
        {
            throw context.Invalid($"queries {context.InputShape(0)}, their bias {context.InputShape(1)}, a weight {weight} and its bias {context.InputShape(4)} do not fit {heads} heads");
        }

        ElementType type = context.InputElementType(0);
        Value query = context.Add("Add", [context.Input(0), context.Input(1)]);
        query = ScaledDotProduct.SplitHeads(context, context.HasInput(6) ? PackedTokens.Unpack(context, query, 6) : query, heads);
        Shape shape = query.Type!.Value.Shape;
        if (context.InputShape(2) != new Shape(1, heads, shape[2], shape[2]) || context.InputShape(5) != new Shape(1, heads, 1, 1))
        {
            throw context.Invalid($"the bias {context.InputShape(2)} must be [1,{heads},{shape[2]},{shape[2]}], and the factor {context.InputShape(5)} [1,{heads},1,1]");
        }

        Value product = context.Add("Add", [context.Add("MatMul", [query, context.Input(3)]), context.Input(4)]);
        product = context.Reshape(product, shape[0], heads, shape[2], 2, weight[1] / 2);
        Value gates = context.Add("Sigmoid", [context.Add("ReduceSum", [product, context.Integers(4)], ("keepdims", 0))]);
        Value inner = context.Add("Sub", [context.Add("Mul", [context.Slice(gates, 3, 1, 2), context.Input(5)]), context.Number(type, 1)]);
        Value gate = context.Add("Add", [context.Add("Mul", [context.Slice(gates, 3, 0, 1), inner]), context.Number(type, 2)]);
        context.SetOutput(0, context.Add("Mul", [gate, context.Input(2)]));
    }
}
