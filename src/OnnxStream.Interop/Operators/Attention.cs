using OnnxStream.Interop.Graphs;

namespace OnnxStream.Interop.Operators;

/// <summary>Scaled dot-product attention, with the keys and values of before. https://onnx.ai/onnx/operators/onnx__Attention.html (opset 23).</summary>
/// <remarks>Opset 24 added lengths of keys in a shared buffer (input 6), which are not supported, nor is the output of the products.</remarks>
internal sealed class Attention : FunctionOperator
{
    /// <inheritdoc/>
    public override void Expand(FunctionContext context)
    {
        if (context.HasInput(6))
        {
            throw context.Unsupported("nonpad_kv_seqlen");
        }

        if (context.HasOutput(3))
        {
            throw context.Unsupported("the output of the products");
        }

        bool isTokens = context.InputShape(0).Rank == 3;
        Value query = Heads(context, 0, "q_num_heads");
        Value key = ScaledDotProduct.Append(context, context.OptionalInput(4), Heads(context, 1, "kv_num_heads"));
        Value value = ScaledDotProduct.Append(context, context.OptionalInput(5), Heads(context, 2, "kv_num_heads"));
        ElementType type = context.InputElementType(0);
        (long queries, long keys) = (query.Type!.Value.Shape[^2], key.Type!.Value.Shape[^2]);
        Value? causal = context.Attributes.Int("is_causal", 0) != 0 ? ScaledDotProduct.Causal(context, type, queries, keys, context.HasInput(4) ? context.InputShape(4)[^2] : 0) : null;
        float? scale = context.Attributes.Has("scale") ? context.Attributes.Float("scale", 0) : null;
        Value result = ScaledDotProduct.Attend(context, query, key, value, scale, context.Attributes.Float("softcap", 0), Mask(context, type, keys), causal);
        context.SetOutput(0, isTokens ? ScaledDotProduct.MergeHeads(context, result) : result);
        context.SetOutput(1, key);
        context.SetOutput(2, value);
    }

    private static Value Heads(FunctionContext context, int index, string attribute) => context.InputShape(index).Rank switch
    {
        3 => ScaledDotProduct.SplitHeads(context, context.Input(index), context.Attributes.Int(attribute, 0)),
        4 => context.Input(index),
        _ => throw context.Invalid($"input {index} must have three or four dimensions"),
    };

    // Keys behind the end of the mask are hidden.
    private static Value? Mask(FunctionContext context, ElementType type, long keys)
    {
        if (context.OptionalInput(3) is not { } mask)
        {
            return null;
        }

        if (context.InputElementType(3) == ElementType.Bool)
        {
            mask = ScaledDotProduct.Hide(context, mask, type, double.NegativeInfinity);
        }

        long missing = context.InputShape(3).Rank > 0 && context.InputShape(3)[^1] is > 1 and var length ? keys - length : 0;
        return missing <= 0 ? mask : context.Add("Pad", [mask, context.Integers(0, missing), context.Number(type, double.NegativeInfinity), context.Integers(-1)]);
    }
}
