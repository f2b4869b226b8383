using OnnxStream.Interop.Graphs;

namespace OnnxStream.Interop.Operators;

/// <summary>com.microsoft.LinearAttention: as ONNX's, but the state may have another type, and heads of queries may serve several heads of keys. https://github.com/microsoft/onnxruntime/blob/main/docs/ContribOperators.md</summary>
/// <remarks>A state is kept of the last position only (<c>state_window</c> 0).</remarks>
internal sealed class PackedLinearAttention : FunctionOperator
{
    /// <inheritdoc/>
    public override void Expand(FunctionContext context)
    {
        if (context.Attributes.Int("state_window", 0) != 0)
        {
            throw context.Unsupported("a window of states");
        }

        long queryHeads = context.Attributes.Int("q_num_heads", 0);
        long heads = context.Attributes.Int("kv_num_heads", 0);
        Shape query = context.InputShape(0);
        ElementType type = context.InputElementType(0);
        Value queries = context.Input(0);
        if (queryHeads > 0 && heads > queryHeads && heads % queryHeads == 0 && query.Rank == 3 && query[2] % queryHeads == 0)
        {
            long group = heads / queryHeads;
            queries = context.Reshape(queries, query[0], query[1], queryHeads, 1, query[2] / queryHeads);
            queries = context.Add("Expand", [queries, context.Integers(query[0], query[1], queryHeads, group, query[2] / queryHeads)]);
            queries = context.Reshape(queries, query[0], query[1], query[2] * group);
            queryHeads = heads;
        }

        ElementType state = context.HasInput(3) ? context.InputElementType(3) : type;
        Value? past = context.OptionalInput(3) is { } given ? context.Cast(given, type) : null;
        Value[] outputs = context.AddMany("LinearAttention", 2, [queries, context.Input(1), context.Input(2), past, context.OptionalInput(4), context.OptionalInput(5)],
            ("q_num_heads", queryHeads), ("kv_num_heads", heads), ("update_rule", context.Attributes.String("update_rule", "gated_delta")), ("scale", context.Attributes.Float("scale", 0)));
        context.SetOutput(0, outputs[0]);
        context.SetOutput(1, context.Cast(outputs[1], state));
    }
}
