namespace OnnxStream.Interop.Operators;

/// <summary>Internal: the first half of the last dimension times the activation of the second (GEGLU, SwiGLU; Shazeer, arXiv 2002.05202).</summary>
internal sealed class GatedActivation : Operator
{
    /// <summary>The operator type.</summary>
    public const string Name = "GatedActivation";

    /// <inheritdoc/>
    public override void Infer(InferenceContext context)
    {
        Shape shape = context.InputShape(0);
        if (context.InputElementType(0) != ElementType.Float32 || shape.Rank == 0 || shape[^1] % 2 != 0)
        {
            throw context.Invalid("the input must be single precision with an even last dimension");
        }

        context.SetOutput(0, ElementType.Float32, shape.With(shape.Rank - 1, shape[^1] / 2));
    }

    /// <inheritdoc/>
    public override void Lower(LoweringContext context)
    {
        Shape shape = context.InputShape(0);
        long columns = shape[^1] / 2;
        context.Emit(FusedActivation.CreateKernel(context, columns == 0 ? 0 : shape.Product(0, shape.Rank - 1), columns, isGated: true), [context.Input(0)], [context.Output(0)]);
    }
}
