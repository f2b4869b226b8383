using OnnxStream.Interop.Kernels;

namespace OnnxStream.Interop.Operators;

/// <summary>Internal: the sum of two single-precision tensors of one shape, limited as a <see cref="ClampFusion"/> says. Made by the pass that fuses limits.</summary>
internal sealed class LimitedSum : Operator
{
    /// <summary>The operator type.</summary>
    public const string Name = "LimitedSum";

    /// <inheritdoc/>
    public override void Infer(InferenceContext context)
    {
        if (context.InputElementType(0) != ElementType.Float32 || context.InputElementType(1) != ElementType.Float32 || context.InputShape(0) != context.InputShape(1))
        {
            throw context.Invalid("the inputs must be single precision and have one shape");
        }

        context.SetOutput(0, ElementType.Float32, context.InputShape(0));
    }

    /// <inheritdoc/>
    public override void Lower(LoweringContext context)
    {
        (float low, float high) = context.Fusion<ClampFusion>().Limits;
        context.Emit(new LimitedSumKernel(context.InputShape(0).ElementCount, low, high), [context.Input(0), context.Input(1)], [context.Output(0)]);
    }
}
