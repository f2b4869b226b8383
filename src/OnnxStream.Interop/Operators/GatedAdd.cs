namespace OnnxStream.Interop.Operators;

/// <summary>com.microsoft.GatedAdd: the sum of a tensor and another whose rows are scaled. https://github.com/microsoft/onnxruntime/blob/main/docs/ContribOperators.md</summary>
internal sealed class GatedAdd : FunctionOperator
{
    /// <inheritdoc/>
    public override void Expand(FunctionContext context)
    {
        Shape shape = context.InputShape(0);
        if (shape.Rank < 1 || context.InputType(1) != context.InputType(0) || context.InputShape(2) != shape.With(shape.Rank - 1, 1))
        {
            throw context.Invalid($"{context.InputType(0)}, {context.InputType(1)} and a gate {context.InputType(2)} do not fit together");
        }

        context.SetOutput(0, context.Add("Add", [context.Input(0), context.Add("Mul", [context.Input(1), context.Input(2)])]));
    }
}
