using OnnxStream.Interop.Kernels.Managed;
using OnnxStream.Interop.Planning;

namespace OnnxStream.Interop.Operators;

/// <summary>Returns its input, as dropping elements is for training. https://onnx.ai/onnx/operators/onnx__Dropout.html</summary>
/// <remarks>Opset 10 made the mask bool, 12 added <c>training_mode</c> as an input, which must be false. The mask is all ones.</remarks>
internal sealed class Dropout : Operator
{
    /// <inheritdoc/>
    public override void Infer(InferenceContext context)
    {
        if (context.OperatorSet >= 12 && context.HasInput(2) && context.RequireBytes(2) is [not 0, ..])
        {
            throw context.Unsupported("training");
        }

        context.SetOutput(0, context.InputElementType(0), context.InputShape(0));
        if (context.ConstantInput(0) is { } constant)
        {
            context.SetConstantOutput(0, constant);
        }

        context.SetOutput(1, context.OperatorSet >= 10 ? ElementType.Bool : context.InputElementType(0), context.InputShape(0));
    }

    /// <inheritdoc/>
    public override void Lower(LoweringContext context)
    {
        context.View(0, context.Input(0));
        if (context.HasOutput(1))
        {
            PlanTensor mask = context.Output(1);
            context.Emit(new FillKernel(mask.ElementCount, EyeLike.One(mask.ElementType)), [], [mask]);
        }
    }
}
