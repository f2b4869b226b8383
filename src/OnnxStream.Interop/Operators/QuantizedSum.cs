using OnnxStream.Interop.Kernels;

namespace OnnxStream.Interop.Operators;

/// <summary>Internal: the sum of two tensors of 8-bit integers of one shape, limited as a <see cref="ClampFusion"/> says, and quantized. Made by a pass.</summary>
/// <remarks>Inputs: a tensor, its scale and its zero point, another with both, then the scale and the zero point of the sums; all are given, and have one element but the tensors.</remarks>
internal sealed class QuantizedSum : Operator
{
    /// <summary>The operator type.</summary>
    public const string Name = "QuantizedSum";

    /// <inheritdoc/>
    public override void Infer(InferenceContext context)
    {
        if (context.InputShape(0) != context.InputShape(3))
        {
            throw context.Invalid("the tensors must have one shape");
        }

        context.SetOutput(0, context.InputElementType(7), context.InputShape(0));
    }

    /// <inheritdoc/>
    public override void Lower(LoweringContext context)
    {
        (float low, float high) = context.Fusion<ClampFusion>().Limits;
        QuantizedSumKernel kernel = new(context.InputShape(0).ElementCount, (context.InputElementType(0), context.InputElementType(3), context.OutputElementType(0)), low, high);
        context.Emit(kernel, [.. Enumerable.Range(0, 8).Select(context.Input)], [context.Output(0)]);
    }
}
