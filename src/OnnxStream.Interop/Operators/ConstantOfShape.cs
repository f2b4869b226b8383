using OnnxStream.Interop.Kernels;
using OnnxStream.Interop.Steps;
using OnnxStream.Interop.Tensors;

namespace OnnxStream.Interop.Operators;

/// <summary>A tensor of a given shape whose elements are all equal. https://onnx.ai/onnx/operators/onnx__ConstantOfShape.html</summary>
/// <remarks>The value is 0 in single precision unless given. Later opsets than 9 only added types.</remarks>
internal sealed class ConstantOfShape : Operator
{
    /// <inheritdoc/>
    public override void Infer(InferenceContext context) =>
        context.SetOutput(0, Value(context).Type.ElementType, context.ToShape(context.RequireIntegers(0)));

    /// <inheritdoc/>
    public override void Lower(LoweringContext context)
    {
        PlanTensor output = context.Output(0);
        context.Emit(new FillKernel(output.ElementCount, Value(context).Data!), [], [output]);
    }

    private static Constant Value(NodeContext context)
    {
        Constant value = context.Attributes.Tensor("value") ?? Constant.Of(Shape.Scalar, 0f);
        return value.Type.Shape.ElementCount == 1 ? value : throw context.Invalid("attribute 'value' must have one element");
    }
}
