using OnnxStream.Interop.Graphs;

namespace OnnxStream.Interop.Operators;

/// <summary>com.microsoft.NGramRepeatBlock: scores of the tokens that would repeat a run of tokens become minus infinity. https://github.com/microsoft/onnxruntime/blob/main/docs/ContribOperators.md</summary>
internal sealed class RepeatedTokens : FunctionOperator
{
    /// <inheritdoc/>
    public override void Expand(FunctionContext context)
    {
        Shape tokens = context.InputShape(0);
        Shape scores = context.InputShape(1);
        long size = context.Attributes.Int("ngram_size", 0);
        if (size < 1 || tokens.Rank != 2 || scores.Rank != 2 || tokens[0] != scores[0] || context.InputElementType(0) != ElementType.Int64 || context.InputElementType(1) != ElementType.Float32)
        {
            throw context.Invalid($"tokens {context.InputType(0)} and scores {context.InputType(1)} must be int64 [batch, length] and float [batch, tokens], and runs of {size} tokens at least 1 long");
        }

        if (tokens[1] < size)
        {
            context.SetOutput(0, context.Input(1));
            return;
        }

        // A run that begins as the last tokens do must not end as it did.
        long count = tokens[1] - size + 1;
        Value isSame = context.Add("Expand", [context.Constant([true]), context.Integers(tokens[0], count)]);
        for (long i = 0; i < size - 1; i++)
        {
            isSame = context.Add("And", [isSame, context.Add("Equal", [context.Slice(context.Input(0), 1, i, i + count), context.Slice(context.Input(0), 1, tokens[1] - size + 1 + i, tokens[1] - size + 2 + i)])]);
        }

        Value limits = context.Add("Where", [isSame, context.Constant([float.NegativeInfinity]), context.Constant([float.PositiveInfinity])]);
        Value ends = context.Slice(context.Input(0), 1, size - 1, tokens[1]);
        context.SetOutput(0, context.Add("ScatterElements", [context.Input(1), ends, limits], ("axis", 1), ("reduction", "min")));
    }
}
