using OnnxStream.Interop.Kernels;
using OnnxStream.Interop.Steps;

namespace OnnxStream.Interop.Operators;

/// <summary>Attention without a softmax, by a state of fixed size that each position changes. https://onnx.ai/onnx/operators/onnx__LinearAttention.html (opset 27).</summary>
/// <remarks>
/// Queries [B, T, Hq * Dk], keys [B, T, H * Dk], values [B, T, H * Dv] and the state [B, H, Dk, Dv]; H divides Hq. The rule says how the
/// state S takes up a key k and a value v, with g = exp(decay) and b = beta: <c>linear</c> S + k v', <c>gated</c> g S + k v', <c>delta</c>
/// S + b k (v - S' k)', <c>gated_delta</c> (default) the same on g S. A query gets scale q' S, where a scale of 0 means 1 / sqrt(Dk).
/// Computed in single precision for all types.
/// </remarks>
internal sealed class LinearAttention : Operator
{
    /// <inheritdoc/>
    public override void Infer(InferenceContext context)
    {
        LinearAttentionGeometry geometry = Parse(context, out _, out _);
        ElementType type = context.InputElementType(0);
        context.SetOutput(0, type, new Shape(geometry.Items, geometry.Positions, checked(geometry.Heads * geometry.Group * geometry.ValueSize)));
        context.SetOutput(1, type, State(geometry));
    }

    /// <inheritdoc/>
    public override void Lower(LoweringContext context)
    {
        LinearAttentionGeometry geometry = Parse(context, out bool isGated, out bool isDelta);
        List<PlanTensor> inputs = [Single(context, 0), Single(context, 1), Single(context, 2)];
        int past = context.HasInput(3) ? Add(inputs, Single(context, 3)) : -1;
        int decay = isGated ? Add(inputs, Single(context, 4)) : -1;
        int beta = isDelta ? Add(inputs, Single(context, 5)) : -1;
        bool isSingle = context.InputElementType(0) == ElementType.Float32;
        PlanTensor output = isSingle && context.HasOutput(0) ? context.Output(0) : context.Temporary(ElementType.Float32, geometry.Items, geometry.Positions, geometry.Heads * geometry.Group * geometry.ValueSize);
        PlanTensor state = isSingle && context.HasOutput(1) ? context.Output(1) : context.Temporary(new TensorType(ElementType.Float32, State(geometry)));
        context.Emit(new LinearAttentionKernel(geometry, past, decay, beta), [.. inputs], [output, state]);
        if (!isSingle && context.HasOutput(0))
        {
            Cast.Emit(context, output, 0);
        }

        if (!isSingle && context.HasOutput(1))
        {
            Cast.Emit(context, state, 1);
        }
    }

    private static PlanTensor Single(LoweringContext context, int index) => Cast.Emit(context, context.Input(index), ElementType.Float32);

    private static int Add(List<PlanTensor> inputs, PlanTensor tensor)
    {
        inputs.Add(tensor);
        return inputs.Count - 1;
    }

    private static Shape State(LinearAttentionGeometry geometry) => new(geometry.Items, geometry.Heads, geometry.KeySize, geometry.ValueSize);

    private static LinearAttentionGeometry Parse(NodeContext context, out bool isGated, out bool isDelta)
    {
        string rule = context.Attributes.String("update_rule", "gated_delta");
        if (rule is not ("linear" or "gated" or "delta" or "gated_delta"))
        {
            throw context.Invalid($"update_rule is '{rule}', it must be 'linear', 'gated', 'delta' or 'gated_delta'");
        }

        isGated = rule is "gated" or "gated_delta";
        isDelta = rule is "delta" or "gated_delta";
        long queryHeads = context.Attributes.Int("q_num_heads", 0);
        long heads = context.Attributes.Int("kv_num_heads", 0);
        Shape query = context.InputShape(0);
        Shape key = context.InputShape(1);
        Shape value = context.InputShape(2);
        if (heads < 1 || queryHeads < 1 || queryHeads % heads != 0)
        {
            throw context.Invalid($"there are {queryHeads} heads of queries (q_num_heads) and {heads} of keys (kv_num_heads); the second must divide the first");
        }

        if (!context.InputElementType(0).IsFloat() || query.Rank != 3 || query[2] % queryHeads != 0 || query[2] == 0 || value.Rank != 3 || value[2] % heads != 0 || value[0] != query[0] || value[1] != query[1] ||
            key != new Shape(query[0], query[1], query[2] / queryHeads * heads) || query[2] / queryHeads > 1 << 16 || value[2] / heads > 1 << 15)
        {
            throw context.Invalid($"queries {query}, keys {key} and values {value} must be floating-point numbers [batch, positions, heads * size] that fit together");
        }

        (long keySize, long valueSize) = (query[2] / queryHeads, value[2] / heads);
        bool isDecayOfKeys = isGated && context.InputShape(4) is { Rank: 3 } decay && decay[2] == heads * keySize;
        bool isBetaOfHeads = isDelta && context.InputShape(5) is { Rank: 3 } beta && beta[2] == heads;
        Expect(context, 1, key);
        Expect(context, 2, value);
        Expect(context, 3, new Shape(query[0], heads, keySize, valueSize));
        if (isGated)
        {
            Expect(context, 4, new Shape(query[0], query[1], isDecayOfKeys ? heads * keySize : heads));
        }

        if (isDelta)
        {
            Expect(context, 5, new Shape(query[0], query[1], isBetaOfHeads ? heads : 1));
        }

        float scale = context.Attributes.Float("scale", 0);
        return new LinearAttentionGeometry(query[0], query[1], heads, queryHeads / heads, (int)keySize, (int)valueSize, isDecayOfKeys, isBetaOfHeads, scale == 0 ? 1 / MathF.Sqrt(keySize) : scale);
    }

    private static void Expect(NodeContext context, int index, Shape shape)
    {
        TensorType expected = new(context.InputElementType(0), shape);
        if (context.HasInput(index) && context.InputType(index) != expected)
        {
            throw context.Invalid($"input {index} must be {expected}");
        }
    }
}
