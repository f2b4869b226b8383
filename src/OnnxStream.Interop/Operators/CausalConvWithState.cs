using OnnxStream.Interop.Graphs;

namespace OnnxStream.Interop.Operators;

/// <summary>A convolution of each channel with what came before, also in earlier runs. https://onnx.ai/onnx/operators/onnx__CausalConvWithState.html (opset 27).</summary>
/// <remarks>
/// Channels are [B, C, L], weights [C, 1, K], the state between runs [B, C, K - 1]: the last elements so far, zeros at the start.
/// It is made of a concatenation and a convolution without padding.
/// </remarks>
internal sealed class CausalConvWithState : FunctionOperator
{
    /// <inheritdoc/>
    public override void Expand(FunctionContext context)
    {
        ElementType type = context.InputElementType(0);
        Shape input = context.InputShape(0);
        Shape weight = context.InputShape(1);
        if (!type.IsFloat() || input.Rank != 3 || weight.Rank != 3 || weight[0] != input[1] || weight[1] != 1 || weight[2] < 1)
        {
            throw context.Invalid("the input must be floating-point numbers [batch, channels, length], and the weight [channels, 1, kernel]");
        }

        (long batch, long channels, long state) = (input[0], input[1], weight[2] - 1);
        Expect(context, 1, type, weight);
        Expect(context, 2, type, new Shape(channels));
        Expect(context, 3, type, new Shape(batch, channels, state));
        string activation = context.Attributes.String("activation", "none");
        if (activation is not ("none" or "silu" or "swish"))
        {
            throw context.Invalid($"activation is '{activation}', it must be 'none', 'silu' or 'swish'");
        }

        Value past = context.OptionalInput(3) ?? context.Add("Expand", [context.Number(type, 0), context.Integers(batch, channels, state)]);
        Value all = state == 0 ? context.Input(0) : context.Add("Concat", [past, context.Input(0)], ("axis", 2));
        Value result = context.Add("Conv", [all, context.Input(1), context.OptionalInput(2)], ("group", channels));
        context.SetOutput(0, activation == "none" ? result : context.Add("Swish", [result]));
        context.SetOutput(1, state == 0 ? past : context.Slice(all, 2, input[2], input[2] + state));
    }

    private static void Expect(FunctionContext context, int index, ElementType type, Shape shape)
    {
        TensorType expected = new(type, shape);
        if (context.HasInput(index) && context.InputType(index) != expected)
        {
            throw context.Invalid($"input {index} must be {expected}");
        }
    }
}
