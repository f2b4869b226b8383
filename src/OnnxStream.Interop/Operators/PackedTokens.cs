using OnnxStream.Interop.Graphs;

namespace OnnxStream.Interop.Operators;

/// <summary>Tokens of sequences of different lengths behind each other [tokens, ...], and the same with padding [B, S, ...]. Offsets, int32 [B, S], are first the places of the tokens in the padded sequences, then those of the padding.</summary>
internal static class PackedTokens
{
    /// <summary>[tokens, size] as [B, S, size], with zeros where there is padding.</summary>
    public static Value Unpack(FunctionContext context, Value tokens, int offsets)
    {
        Shape places = context.InputShape(offsets);
        Shape shape = tokens.Type!.Value.Shape;
        if (places.Rank != 2 || shape.Rank != 2 || shape[0] > places.ElementCount || context.InputElementType(offsets) != ElementType.Int32)
        {
            throw context.Invalid($"{shape} and offsets {context.InputType(offsets)} (input {offsets}) are no packed tokens");
        }

        ElementType type = tokens.Type.Value.ElementType;
        Value padded = context.Add("Expand", [context.Number(type, 0), context.Integers(places.ElementCount, shape[1])]);
        padded = context.Add("ScatterND", [padded, context.Reshape(Places(context, offsets, shape[0]), shape[0], 1), tokens]);
        return context.Reshape(padded, places[0], places[1], shape[1]);
    }

    /// <summary>[B, S, size] as [tokens, size].</summary>
    public static Value Pack(FunctionContext context, Value padded, int offsets, long tokens)
    {
        Shape shape = padded.Type!.Value.Shape;
        return context.Add("Gather", [context.Reshape(padded, shape[0] * shape[1], shape[2]), Places(context, offsets, tokens)], ("axis", 0));
    }

    /// <summary>A bias [B, 1, 1, S] that hides padding.</summary>
    /// <param name="context">The operator.</param>
    /// <param name="type">The type of the bias.</param>
    /// <param name="ends">The input int32 [B + 1] with the number of tokens in front of each sequence.</param>
    /// <param name="items">B.</param>
    /// <param name="length">S.</param>
    public static Value Hide(FunctionContext context, ElementType type, int ends, long items, long length)
    {
        if (context.InputType(ends) != new TensorType(ElementType.Int32, new Shape(items + 1)))
        {
            throw context.Invalid($"there must be {items + 1} numbers of tokens, int32, instead of {context.InputType(ends)} (input {ends})");
        }

        Value lengths = context.Add("Sub", [context.Slice(context.Input(ends), 0, 1, items + 1), context.Slice(context.Input(ends), 0, 0, items)]);
        Value positions = context.Add("Range", [context.Constant([0]), context.Constant([checked((int)length)]), context.Constant([1])]);
        return ScaledDotProduct.Hide(context, context.Add("Less", [positions, context.Reshape(lengths, items, 1, 1, 1)]), type, double.NegativeInfinity);
    }

    private static Value Places(FunctionContext context, int offsets, long tokens) =>
        context.Slice(context.Cast(context.Reshape(context.Input(offsets), context.InputShape(offsets).ElementCount), ElementType.Int64), 0, 0, tokens);
}
