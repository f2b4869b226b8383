using OnnxStream.Interop.Graphs;

namespace OnnxStream.Interop.Operators;

/// <summary>com.microsoft.LinearAttentionGate: the decay and the rate of linear attention, out of projections. https://github.com/microsoft/onnxruntime/blob/main/docs/ContribOperators.md</summary>
internal sealed class LinearAttentionGate : FunctionOperator
{
    /// <inheritdoc/>
    public override void Expand(FunctionContext context)
    {
        Shape shape = context.InputShape(0);
        ElementType type = context.InputElementType(0);
        if (shape.Rank != 3 || !type.IsFloat() || context.InputShape(1) != new Shape(shape[2]) || context.InputShape(2) != new Shape(shape[2]) || (context.HasInput(3) && context.InputType(3) != context.InputType(0)))
        {
            throw context.Invalid($"projections {context.InputType(0)} must be [batch, positions, heads], and have a bias and a factor for each head");
        }

        Value sum = context.Add("Add", [context.Cast(context.Input(0), ElementType.Float32), context.Cast(context.Input(1), ElementType.Float32)]);
        context.SetOutput(0, context.Cast(context.Add("Mul", [context.Add("Softplus", [sum]), context.Cast(context.Input(2), ElementType.Float32)]), type));
        if (context.HasOutput(1))
        {
            context.SetOutput(1, context.Add("Sigmoid", [context.Input(3)]));
        }
    }
}
