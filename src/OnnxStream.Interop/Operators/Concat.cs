using OnnxStream.Interop.Kernels.Managed;
using OnnxStream.Interop.Planning;

namespace OnnxStream.Interop.Operators;

/// <summary>Puts tensors behind each other along an axis. https://onnx.ai/onnx/operators/onnx__Concat.html</summary>
/// <remarks>Opset 11 allowed a negative axis; 13 only added types.</remarks>
internal sealed class Concat : Operator
{
    /// <inheritdoc/>
    public override bool StoresAlike => true;

    /// <inheritdoc/>
    public override void Infer(InferenceContext context)
    {
        Shape first = context.InputShape(0);
        int axis = Axis(context);
        long size = 0;
        for (int i = 0; i < context.InputCount; i++)
        {
            Shape shape = context.InputShape(i);
            if (context.InputElementType(i) != context.InputElementType(0) || shape.Rank != first.Rank || shape.With(axis, first[axis]) != first)
            {
                throw context.Invalid($"input {i} differs from input 0 in more than dimension {axis}");
            }

            size = checked(size + shape[axis]);
        }

        context.SetOutput(0, context.InputElementType(0), first.With(axis, size));
    }

    /// <inheritdoc/>
    public override void Lower(LoweringContext context)
    {
        if (context.InputCount == 1)
        {
            context.View(0, context.Input(0));
            return;
        }

        PlanTensor output = context.Output(0);
        if (output.ElementCount == 0)
        {
            return;
        }

        int axis = Axis(context);
        List<PlanTensor> inputs = [];
        for (int i = 0; i < context.InputCount; i++)
        {
            if (context.InputShape(i).ElementCount > 0)
            {
                inputs.Add(context.Input(i));
            }
        }

        long[] blocks = [.. inputs.Select(input => input.Shape.Product(axis, input.Shape.Rank) * input.ElementType.SizeOf())];
        context.Emit(new ConcatKernel(output.Shape.Product(0, axis), blocks), [.. inputs], [output]);
    }

    private static int Axis(NodeContext context) =>
        context.Attributes.Has("axis") ? context.Axis(context.Attributes.Int("axis", 0), context.InputShape(0).Rank) : throw context.Invalid("attribute 'axis' is missing");
}
