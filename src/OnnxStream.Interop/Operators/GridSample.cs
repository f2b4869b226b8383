using System.Numerics;
using OnnxStream.Interop.Kernels;

namespace OnnxStream.Interop.Operators;

/// <summary>Reads an image at positions that a grid gives. https://onnx.ai/onnx/operators/onnx__GridSample.html</summary>
/// <remarks>Opset 16 knows two spatial dimensions (bilinear, nearest, bicubic), 20 renamed the modes (linear, nearest, cubic) and added three dimensions, without cubic. The image may have any type; reals become integers by truncation.</remarks>
internal sealed class GridSample : Operator
{
    private readonly record struct SampleAttributes(SamplingMode Mode, SamplingBorder Border, bool AlignsCorners)
    {
        public static SampleAttributes Parse(NodeContext context) => new(
            context.Attributes.String("mode", "linear") switch
            {
                "linear" or "bilinear" => SamplingMode.Linear,
                "nearest" => SamplingMode.Nearest,
                "cubic" or "bicubic" => SamplingMode.Cubic,
                var mode => throw context.Invalid($"mode '{mode}' is not one of linear, nearest, cubic"),
            },
            context.Attributes.String("padding_mode", "zeros") switch
            {
                "zeros" => SamplingBorder.Zeros,
                "border" => SamplingBorder.Border,
                "reflection" => SamplingBorder.Reflection,
                var mode => throw context.Invalid($"padding_mode '{mode}' is not one of zeros, border, reflection"),
            },
            context.Attributes.Int("align_corners", 0) != 0);
    }

    /// <inheritdoc/>
    public override void Infer(InferenceContext context)
    {
        Shape input = context.InputShape(0);
        Shape grid = context.InputShape(1);
        SampleAttributes attributes = SampleAttributes.Parse(context);
        if (input.Rank < 4 || grid.Rank != input.Rank || grid[0] != input[0] || grid[^1] != input.Rank - 2)
        {
            throw context.Invalid("the image must be [N,C,H,W] and the grid [N,H',W',2], or both with three spatial dimensions");
        }

        if (input.Rank > 5 || (input.Rank == 5 && attributes.Mode == SamplingMode.Cubic))
        {
            throw context.Unsupported($"sampling over {input.Rank - 2} dimensions in mode {attributes.Mode}");
        }

        if (!context.InputElementType(1).IsFloat())
        {
            throw context.Invalid("the grid must be a floating-point tensor");
        }

        if (context.InputElementType(0) == ElementType.Bool && attributes.Mode != SamplingMode.Nearest)
        {
            throw context.Unsupported("mixing truth values");
        }

        Shape output = new([input[0], input[1], .. grid.Dimensions[1..^1]]);
        if (output.ElementCount > 0 && input.ElementCount == 0)
        {
            throw context.Invalid("the image has no elements to read");
        }

        context.SetOutput(0, context.InputElementType(0), output);
    }

    /// <inheritdoc/>
    public override void Lower(LoweringContext context)
    {
        (SamplingMode mode, SamplingBorder border, bool alignsCorners) = SampleAttributes.Parse(context);
        Shape input = context.InputShape(0);
        Shape output = context.OutputShape(0);
        ElementType type = context.InputElementType(0);
        ElementType computed = type == ElementType.Float64 || context.InputElementType(1) == ElementType.Float64 || (type.IsInteger() && type.SizeOf() >= 4) ? ElementType.Float64 : ElementType.Float32;
        Factory factory = new(mode, border, alignsCorners, input, output, computed == ElementType.Float64);
        context.Emit(
            NumericKernels.Create(type == ElementType.Bool ? ElementType.UInt8 : type, factory) ?? throw context.Unsupported($"element type {type.ToOnnxName()}"),
            [context.Input(0), Cast.Emit(context, context.Input(1), computed)], [context.Output(0)]);
    }

    private readonly struct Factory(SamplingMode mode, SamplingBorder border, bool alignsCorners, Shape input, Shape output, bool isDouble) : INumericKernelFactory
    {
        public Kernel Create<T>()
            where T : unmanaged, INumber<T>, IMinMaxValue<T> => isDouble
                ? new GridSampleKernel<T, double>(mode, border, alignsCorners, input, output)
                : new GridSampleKernel<T, float>(mode, border, alignsCorners, input, output);
    }
}
