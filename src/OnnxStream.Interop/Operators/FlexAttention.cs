using OnnxStream.Interop.Graphs;

namespace OnnxStream.Interop.Operators;

/// <summary>Attention whose products and softmax are changed by graphs. https://onnx.ai/onnx/operators/onnx_aionnxpreview_FlexAttention.html (ai.onnx.preview 1).</summary>
/// <remarks>
/// Queries [B, H, T, D], keys [B, G, S, D], values [B, G, S, E], where G divides H. <c>score_mod</c> gets the scaled products [B, H, T, S]
/// and <c>prob_mod</c> the softmax of what it makes of them. The graphs take the operator's place with it, so they may not hold control flow.
/// </remarks>
internal sealed class FlexAttention : FunctionOperator
{
    /// <inheritdoc/>
    public override void Expand(FunctionContext context)
    {
        (Shape query, Shape key, Shape value) = (context.InputShape(0), context.InputShape(1), context.InputShape(2));
        ElementType type = context.InputElementType(0);
        if (query.Rank != 4 || key.Rank != 4 || value.Rank != 4 || key[0] != query[0] || key[3] != query[3] || value[0] != key[0] || value[1] != key[1] || value[2] != key[2] || key[1] == 0 || query[1] % key[1] != 0)
        {
            throw context.Invalid("queries, keys and values must be [batch, heads, length, size] and fit together");
        }

        long group = query[1] / key[1];
        double scale = context.Attributes.Has("scale") ? context.Attributes.Float("scale", 0) : 1 / Math.Sqrt(query[3]);
        Value products = context.Add("MatMul", [context.Input(0), context.Transpose(ScaledDotProduct.Repeat(context, context.Input(1), group), 0, 1, 3, 2)]);
        Value scores = Change(context, "score_mod", context.Add("Mul", [products, context.Number(type, scale)]));
        Value parts = Change(context, "prob_mod", context.Add("Softmax", [scores], ("axis", -1)));
        context.SetOutput(0, context.Add("MatMul", [parts, ScaledDotProduct.Repeat(context, context.Input(2), group)]));
    }

    private static Value Change(FunctionContext context, string attribute, Value value)
    {
        if (context.Attributes.Graph(attribute) is not { } graph)
        {
            return value;
        }

        Value[] results = context.Inline(graph, value);
        return results is [{ } result] && result.Type == value.Type ? result :
            throw context.Invalid($"the graph '{attribute}' makes {string.Join(", ", results.Select(made => $"{made.Type}"))} of {value.Type}, expected the same type");
    }
}
