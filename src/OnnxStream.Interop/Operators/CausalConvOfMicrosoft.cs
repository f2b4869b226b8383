using OnnxStream.Interop.Graphs;

namespace OnnxStream.Interop.Operators;

/// <summary>com.microsoft.CausalConvWithState: as ONNX's, with channels first or last. https://github.com/microsoft/onnxruntime/blob/main/docs/ContribOperators.md</summary>
/// <remarks>One spatial dimension, without dilation; a state is kept of the last position only (<c>state_window</c> 0).</remarks>
internal sealed class CausalConvOfMicrosoft : FunctionOperator
{
    /// <inheritdoc/>
    public override void Expand(FunctionContext context)
    {
        if (context.Attributes.Int("ndim", 1) != 1 || context.Attributes.Int("dilation", 1) != 1 || context.Attributes.Int("state_window", 0) != 0)
        {
            throw context.Unsupported("several dimensions, a dilation, or a window of states");
        }

        Shape shape = context.InputShape(0);
        bool isLast = context.Attributes.Int("channels_last", 0) != 0;
        if (shape.Rank < 3 || (!isLast && shape.Rank > 3))
        {
            throw context.Invalid($"the input {shape} must be [batch, channels, length], or [batch, length, channels...] with channels last");
        }

        Value[] outputs = context.AddMany("CausalConvWithState", 2, [First(context.Input(0)), context.Input(1), context.OptionalInput(2), context.OptionalInput(3) is { } past ? First(past) : null], ("activation", context.Attributes.String("activation", "none")));
        context.SetOutput(0, Last(outputs[0]));
        context.SetOutput(1, Last(outputs[1]));

        Value First(Value tensor)
        {
            Shape given = tensor.Type!.Value.Shape;
            return !isLast || given.Rank < 3 ? tensor : context.Transpose(context.Reshape(tensor, given[0], given[1], given.Product(2, given.Rank)), 0, 2, 1);
        }

        Value Last(Value tensor)
        {
            Shape made = tensor.Type!.Value.Shape;
            return isLast ? context.Reshape(context.Transpose(tensor, 0, 2, 1), [made[0], made[2], .. shape.Dimensions[2..]]) : tensor;
        }
    }
}
