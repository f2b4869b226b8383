using OnnxStream.Interop.Kernels;

namespace OnnxStream.Interop.Operators;

/// <summary>The largest elements of the cells of regions of images. https://onnx.ai/onnx/operators/onnx__MaxRoiPool.html (opsets 1 and 22: only types were added).</summary>
internal sealed class MaxRoiPool : Operator
{
    /// <inheritdoc/>
    public override void Infer(InferenceContext context)
    {
        Shape input = context.InputShape(0);
        Shape regions = context.InputShape(1);
        if (input.Rank != 4 || regions.Rank != 2 || regions[1] != 5 || context.InputElementType(1) != context.InputElementType(0))
        {
            throw context.Invalid("images must be [N,C,H,W] and regions [R,5] of the same element type");
        }

        if (context.Attributes.Ints("pooled_shape") is not [> 0 and var height, > 0 and var width])
        {
            throw context.Invalid("pooled_shape must be two positive numbers");
        }

        context.SetOutput(0, context.InputElementType(0), new Shape(regions[0], input[1], height, width));
    }

    /// <inheritdoc/>
    public override void Lower(LoweringContext context)
    {
        Shape input = context.InputShape(0);
        Shape output = context.OutputShape(0);
        double scale = context.Attributes.Float("spatial_scale", 1);
        Kernel kernel = context.InputElementType(0) switch
        {
            ElementType.Float32 => new MaxRoiPoolKernel<float>(input, output, scale),
            ElementType.Float64 => new MaxRoiPoolKernel<double>(input, output, scale),
            ElementType.Float16 => new MaxRoiPoolKernel<Half>(input, output, scale),
            var type => throw context.Unsupported($"element type {type.ToOnnxName()}"),
        };
        context.Emit(kernel, [context.Input(0), context.Input(1)], [context.Output(0)]);
    }
}
