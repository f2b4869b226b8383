using OnnxStream.Interop.Graphs;

namespace OnnxStream.Interop.Operators;

/// <summary>com.microsoft.BiasSoftmax: a softmax of sums, over all dimensions from one on. https://github.com/microsoft/onnxruntime/blob/main/docs/ContribOperators.md</summary>
internal sealed class BiasSoftmax : FunctionOperator
{
    /// <inheritdoc/>
    public override void Expand(FunctionContext context)
    {
        Shape shape = context.InputShape(0);
        int axis = context.Axis(context.Attributes.Int("axis", 1), shape.Rank);
        if (context.Broadcast(shape, context.InputShape(1)) != shape)
        {
            throw context.Invalid($"a bias {context.InputShape(1)} cannot be broadcast to {shape}");
        }

        Value sum = context.Add("Add", [context.Input(0), context.Input(1)]);
        if (axis < shape.Rank - 1)
        {
            sum = context.Reshape(sum, shape.Product(0, axis), shape.Product(axis, shape.Rank));
        }

        Value result = context.Add("Softmax", [sum], ("axis", -1));
        context.SetOutput(0, axis < shape.Rank - 1 ? context.Reshape(result, shape.Dimensions) : result);
    }
}
