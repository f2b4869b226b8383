using OnnxStream.Interop.Graphs;

namespace OnnxStream.Interop.Operators;

/// <summary>Scaled dot-product attention, with the keys and values of before. https://onnx.ai/onnx/operators/onnx__Attention.html (opset 23).</summary>
/// <remarks>
/// Opset 24 added the lengths of the keys that are used of a shared buffer (<c>nonpad_kv_seqlen</c>),
/// 25 how many keys in front of a query's own position and behind it are seen (<c>left_window_size</c>, <c>right_window_size</c>). The softmax is computed in single precision or better, whatever
/// <c>softmax_precision</c> says.
/// </remarks>
internal sealed class Attention : FunctionOperator
{
    /// <inheritdoc/>
    public override void Expand(FunctionContext context)
    {
        bool isTokens = context.InputShape(0).Rank == 3;
        Value query = Heads(context, 0, "q_num_heads");
        Value key = ScaledDotProduct.Append(context, context.OptionalInput(4), Heads(context, 1, "kv_num_heads"));
        Value value = ScaledDotProduct.Append(context, context.OptionalInput(5), Heads(context, 2, "kv_num_heads"));
        if (query.Type!.Value.Shape.Rank != 4 || key.Type!.Value.Shape.Rank != 4 || (context.HasInput(4) && context.InputShape(4).Rank != 4))
        {
            throw context.Invalid("queries, keys and values must have three or four dimensions, those of before four");
        }

        ElementType type = context.InputElementType(0);
        (long queries, long keys) = (query.Type.Value.Shape[^2], key.Type.Value.Shape[^2]);
        Value? used = Used(context, type, query.Type.Value.Shape[0], keys);
        Value? near = Near(context, type, query.Type.Value.Shape[0], queries, keys);
        float? scale = context.Attributes.Has("scale") ? context.Attributes.Float("scale", 0) : null;
        Value result = ScaledDotProduct.Attend(context, query, key, value, scale, context.Attributes.Float("softcap", 0), [Mask(context, type, keys), near, used], null, out ProductStages stages);
        context.SetOutput(0, isTokens ? ScaledDotProduct.MergeHeads(context, result) : result);
        context.SetOutput(1, key);
        context.SetOutput(2, value);
        if (context.HasOutput(3))
        {
            context.SetOutput(3, context.Attributes.Int("qk_matmul_output_mode", 0) switch
            {
                0 => stages.Scaled,
                1 => stages.Limited,
                2 => stages.Biased,
                3 => stages.Parts,
                var mode => throw context.Invalid($"qk_matmul_output_mode is {mode}, it must be from 0 to 3"),
            });
        }
    }

    // A bias that hides what is too far from a query's own position.
    private static Value? Near(FunctionContext context, ElementType type, long items, long queries, long keys)
    {
        bool isCausal = context.Attributes.Int("is_causal", 0) != 0;
        long left = context.Attributes.Int("left_window_size", -1);
        long right = context.Attributes.Int("right_window_size", -1);
        if (left < -1 || right < -1)
        {
            throw context.Invalid($"left_window_size is {left} and right_window_size {right}; both must be -1, for no limit, or more");
        }

        // From here on everything is seen.
        left = left < 0 || left >= keys + queries ? long.MaxValue : left + 1;
        if (!isCausal && left == long.MaxValue && right < 0)
        {
            return null;
        }

        long past = context.HasInput(4) ? context.InputShape(4)[^2] : 0;
        if (isCausal)
        {
            // One query behind all keys sees them all.
            if (queries == 1 && past + 1 == keys && left == long.MaxValue && !context.HasInput(6))
            {
                return null;
            }

            return context.HasInput(6) ? ScaledDotProduct.Causal(context, type, LastPositions(context, items, queries), keys, left) : ScaledDotProduct.Causal(context, type, queries, keys, past, left);
        }

        Value positions = context.HasInput(6) ? LastPositions(context, items, queries) :
            context.Reshape(context.Add("Range", [context.Constant<long>([past]), context.Constant<long>([past + queries]), context.Constant<long>([1])]), queries, 1);
        Value distance = context.Add("Sub", [positions, context.Add("Range", [context.Constant<long>([0]), context.Constant<long>([keys]), context.Constant<long>([1])])]);
        Value? visible = left == long.MaxValue ? null : context.Add("Less", [distance, context.Constant<long>([left])]);
        Value? isBefore = right < 0 ? null : context.Add("GreaterOrEqual", [distance, context.Constant<long>([-right])]);
        return ScaledDotProduct.Hide(context, visible is null ? isBefore! : isBefore is null ? visible : context.Add("And", [visible, isBefore]), type, double.NegativeInfinity);
    }

    // Where the queries stand if they are the last ones of what is used: [B, 1, T, 1].
    private static Value LastPositions(FunctionContext context, long items, long queries)
    {
        Value fromEnd = context.Add("Range", [context.Constant<long>([-queries]), context.Constant<long>([0]), context.Constant<long>([1])]);
        return context.Add("Add", [context.Reshape(context.Input(6), items, 1, 1, 1), context.Reshape(fromEnd, queries, 1)]);
    }

    // A bias that hides what lies behind the used part of a buffer.
    private static Value? Used(FunctionContext context, ElementType type, long items, long keys)
    {
        if (context.OptionalInput(6) is not { } lengths)
        {
            return null;
        }

        if (context.HasInput(4) || context.InputType(6) != new TensorType(ElementType.Int64, new Shape(items)))
        {
            throw context.Invalid($"nonpad_kv_seqlen must be int64[{items}], and there must be no past keys beside it");
        }

        Value positions = context.Add("Range", [context.Constant<long>([0]), context.Constant<long>([keys]), context.Constant<long>([1])]);
        return ScaledDotProduct.Hide(context, context.Add("Less", [positions, context.Reshape(lengths, items, 1, 1, 1)]), type, double.NegativeInfinity);
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

        mask = context.Cast(mask, type);

        long missing = context.InputShape(3).Rank > 0 && context.InputShape(3)[^1] is > 1 and var length ? keys - length : 0;
        return missing <= 0 ? mask : context.Add("Pad", [mask, context.Integers(0, missing), context.Number(type, double.NegativeInfinity), context.Integers(-1)]);
    }
}
