using OnnxStream.Interop.Kernels;

namespace OnnxStream.Interop.Operators;

/// <summary>Keeps the slices along an axis (or the elements, without one) whose condition is true. https://onnx.ai/onnx/operators/onnx__Compress.html</summary>
/// <remarks>Opset 11 allowed a negative axis. How much is left is only known after it has run, unless the condition is constant.</remarks>
internal sealed class Compress : Operator
{
    /// <inheritdoc/>
    public override void Infer(InferenceContext context)
    {
        (Shape data, int axis) = Geometry(context);
        if (context.InputElementType(1) != ElementType.Bool || context.InputShape(1).Rank != 1)
        {
            throw context.Invalid("the condition must be a bool vector");
        }

        long considered = Math.Min(data[axis], context.InputShape(1)[0]);
        if (context.ConstantInput(1) is not null)
        {
            context.SetOutput(0, context.InputElementType(0), data.With(axis, context.RequireBytes(1).Take((int)considered).Count(condition => condition != 0)));
        }
        else
        {
            context.SetDynamicOutput(0, context.InputElementType(0), data.With(axis, considered));
        }
    }

    /// <inheritdoc/>
    public override void Lower(LoweringContext context)
    {
        (Shape data, int axis) = Geometry(context);
        context.Emit(
            new CompressKernel(data, axis, context.InputShape(1)[0], context.InputElementType(0).SizeOf()),
            [context.Input(0), context.Input(1)], [context.Output(0)]);
    }

    private static (Shape Data, int Axis) Geometry(NodeContext context)
    {
        Shape input = context.InputShape(0);
        return context.Attributes.Has("axis")
            ? (input, context.Axis(context.Attributes.Int("axis", 0), input.Rank))
            : (new Shape(input.ElementCount), 0);
    }
}
