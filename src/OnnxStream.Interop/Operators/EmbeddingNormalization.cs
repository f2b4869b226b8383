using OnnxStream.Interop.Graphs;

namespace OnnxStream.Interop.Operators;

/// <summary>com.microsoft.EmbedLayerNormalization: the embeddings of words, positions and segments, added and normalised. https://github.com/microsoft/onnxruntime/blob/main/docs/ContribOperators.md</summary>
internal sealed class EmbeddingNormalization : FunctionOperator
{
    /// <inheritdoc/>
    public override void Expand(FunctionContext context)
    {
        Shape words = context.InputShape(0);
        if (words.Rank != 2 || context.InputShape(2).Rank != 2 || context.InputShape(3).Rank != 2)
        {
            throw context.Invalid($"words {words}, their embeddings {context.InputShape(2)} and those of positions {context.InputShape(3)} must be matrices");
        }

        Value sum = context.Add("Gather", [context.Input(2), context.Input(0)], ("axis", 0));
        Value positions = context.OptionalInput(8) is { } given
            ? context.Add("Gather", [context.Input(3), given], ("axis", 0))
            : words[1] <= context.InputShape(3)[0] ? context.Slice(context.Input(3), 0, 0, words[1])
            : throw context.Invalid($"there are {words[1]} words, but only {context.InputShape(3)[0]} positions");
        sum = context.Add("Add", [sum, positions]);
        if (context.OptionalInput(1) is { } segments && context.OptionalInput(4) is { } embedding)
        {
            sum = context.Add("Add", [sum, context.Add("Gather", [embedding, segments], ("axis", 0))]);
        }

        context.SetOutput(0, context.Add("LayerNormalization", [sum, context.Input(5), context.Input(6)], ("axis", -1), ("epsilon", context.Attributes.Float("epsilon", 1e-12f))));
        context.SetOutput(2, sum);
        if (context.HasOutput(1))
        {
            context.SetOutput(1, context.OptionalInput(7) is { } mask
                ? context.Add("ReduceSum", [context.Cast(context.Add("Equal", [mask, context.Constant([1])]), ElementType.Int32), context.Integers(1)], ("keepdims", 0))
                : context.Constant(new int[words[0]], words[0]));
        }
    }
}
