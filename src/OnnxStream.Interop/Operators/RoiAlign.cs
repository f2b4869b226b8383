using OnnxStream.Interop.Kernels;

namespace OnnxStream.Interop.Operators;

/// <summary>Pools regions of images into grids of a fixed size, by He et al. (arXiv 1703.06870). https://onnx.ai/onnx/operators/onnx__RoiAlign.html</summary>
/// <remarks>Opset 16 added <c>coordinate_transformation_mode</c>; before, it is <c>output_half_pixel</c>.</remarks>
internal sealed class RoiAlign : Operator
{
    /// <inheritdoc/>
    public override void Infer(InferenceContext context)
    {
        Shape input = context.InputShape(0);
        Shape regions = context.InputShape(1);
        if (input.Rank != 4 || regions.Rank != 2 || regions[1] != 4 || context.InputShape(2) != new Shape(regions[0]))
        {
            throw context.Invalid("images must be [N,C,H,W], regions [R,4] and batch indices [R]");
        }

        context.CheckIndices(2);
        if (context.InputElementType(1) != context.InputElementType(0))
        {
            throw context.Invalid("images and regions must have the same element type");
        }

        _ = IsMaximum(context);
        _ = HasHalfPixel(context);
        long height = context.Attributes.Int("output_height", 1);
        long width = context.Attributes.Int("output_width", 1);
        if (height < 1 || width < 1 || context.Attributes.Int("sampling_ratio", 0) is < 0 or > 1 << 10 || input[2] == 0 || input[3] == 0)
        {
            throw context.Invalid("output_height and output_width must be positive, sampling_ratio not negative, and images must have elements");
        }

        context.SetOutput(0, context.InputElementType(0), new Shape(regions[0], input[1], height, width));
    }

    /// <inheritdoc/>
    public override void Lower(LoweringContext context)
    {
        Shape input = context.InputShape(0);
        Shape output = context.OutputShape(0);
        double scale = context.Attributes.Float("spatial_scale", 1);
        long samples = context.Attributes.Int("sampling_ratio", 0);
        Kernel kernel = context.InputElementType(0) switch
        {
            ElementType.Float32 => new RoiAlignKernel<float>(input, output, scale, samples, HasHalfPixel(context), IsMaximum(context)),
            ElementType.Float64 => new RoiAlignKernel<double>(input, output, scale, samples, HasHalfPixel(context), IsMaximum(context)),
            ElementType.Float16 => new RoiAlignKernel<Half>(input, output, scale, samples, HasHalfPixel(context), IsMaximum(context)),
            var type => throw context.Unsupported($"element type {type.ToOnnxName()}"),
        };
        context.Emit(kernel, [context.Input(0), context.Input(1), context.Input(2)], [context.Output(0)]);
    }

    private static bool HasHalfPixel(NodeContext context) => context.Attributes.String("coordinate_transformation_mode", context.OperatorSet < 16 ? "output_half_pixel" : "half_pixel") switch
    {
        "half_pixel" => true,
        "output_half_pixel" => false,
        var mode => throw context.Invalid($"coordinate_transformation_mode '{mode}' is not one of half_pixel, output_half_pixel"),
    };

    private static bool IsMaximum(NodeContext context) => context.Attributes.String("mode", "avg") switch
    {
        "avg" => false,
        "max" => true,
        var mode => throw context.Invalid($"mode '{mode}' is not one of avg, max"),
    };
}
