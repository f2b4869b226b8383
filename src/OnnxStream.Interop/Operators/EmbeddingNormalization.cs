using OnnxStream.Interop.Graphs;

namespace OnnxStream.Interop.Operators;

/// <summary>com.microsoft.EmbedLayerNormalization and QEmbedLayerNormalization: the embeddings of words, positions and segments, added and normalised. https://github.com/microsoft/onnxruntime/blob/main/docs/ContribOperators.md</summary>
/// <param name="isQuantized">Whether the embeddings and what normalises them are 8-bit integers, with five scales and zero points in inputs 8 to 17.</param>
internal sealed class EmbeddingNormalization(bool isQuantized) : FunctionOperator
{
    /// <inheritdoc/>
    public override void Expand(FunctionContext context)
    {
        Shape words = context.InputShape(0);
        if (words.Rank != 2 || context.InputShape(2).Rank != 2 || context.InputShape(3).Rank != 2)
        {
            throw context.Invalid($"words {words}, their embeddings {context.InputShape(2)} and those of positions {context.InputShape(3)} must be matrices");
        }

        Value sum = Real(2, context.Add("Gather", [context.Input(2), context.Input(0)], ("axis", 0)));
        Value positions = !isQuantized && context.OptionalInput(8) is { } given
            ? context.Add("Gather", [context.Input(3), given], ("axis", 0))
            : words[1] <= context.InputShape(3)[0] ? Real(3, context.Slice(context.Input(3), 0, 0, words[1]))
            : throw context.Invalid($"there are {words[1]} words, but only {context.InputShape(3)[0]} positions");
        sum = context.Add("Add", [sum, positions]);
        if (context.OptionalInput(1) is { } segments && context.OptionalInput(4) is { } embedding)
        {
            sum = context.Add("Add", [sum, Real(4, context.Add("Gather", [embedding, segments], ("axis", 0)))]);
        }

        context.SetOutput(0, context.Add("LayerNormalization", [sum, Real(5, context.Input(5)), Real(6, context.Input(6))], ("axis", -1), ("epsilon", context.Attributes.Float("epsilon", 1e-12f))));
        context.SetOutput(2, sum);
        if (context.HasOutput(1))
        {
            context.SetOutput(1, context.OptionalInput(7) is { } mask
                ? context.Add("ReduceSum", [context.Cast(context.Add("Equal", [mask, context.Constant([1])]), ElementType.Int32), context.Integers(1)], ("keepdims", 0))
                : context.Constant(new int[words[0]], words[0]));
        }

        // Input 2 is the first that is quantized.
        Value Real(int index, Value value) =>
            isQuantized ? context.Add("DequantizeLinear", [value, QuantizedTensors.Single(context, index + 6), QuantizedTensors.Single(context, index + 11)]) : value;
    }
}
