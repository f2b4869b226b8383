using System.Numerics;
using OnnxStream.Interop.Kernels;
using OnnxStream.Interop.Tensors;

namespace OnnxStream.Interop.Operators;

/// <summary>Adds blocks of an image to an image: the reverse of what a convolution reads. https://onnx.ai/onnx/operators/onnx__Col2Im.html (opset 18)</summary>
/// <remarks>Any number of spatial dimensions, all number types. Bool is not supported: truth values cannot be added.</remarks>
internal sealed class Col2Im : Operator
{
    /// <inheritdoc/>
    public override void Infer(InferenceContext context)
    {
        Shape input = context.InputShape(0);
        (long[] image, long[] block, SpatialAttributes spatial) = Parse(context);
        long blockSize = new Shape(block).ElementCount;
        long places = 1;
        for (int i = 0; i < image.Length; i++)
        {
            places = checked(places * spatial.OutputSize(context, i, image[i]));
        }

        if (input.Rank != 3 || blockSize == 0 || input[1] % blockSize != 0 || input[2] != places)
        {
            throw context.Invalid($"the input is {input}, expected [N,C*{blockSize},{places}]: blocks [{Listing.Of(block)}] at {places} places of an image [{Listing.Of(image)}]");
        }

        context.SetOutput(0, context.InputElementType(0), new Shape([input[0], input[1] / blockSize, .. image]));
    }

    /// <inheritdoc/>
    public override void Lower(LoweringContext context)
    {
        (long[] image, _, SpatialAttributes spatial) = Parse(context);
        ElementType type = context.InputElementType(0);
        Shape output = context.OutputShape(0);
        context.Emit(
            NumericKernels.Create(type, new Factory(output[0] * output[1], image, spatial)) ?? throw context.Unsupported($"element type {type.ToOnnxName()}"),
            [context.Input(0)], [context.Output(0)]);
    }

    private static (long[] Image, long[] Block, SpatialAttributes Spatial) Parse(NodeContext context)
    {
        long[] image = context.RequireIntegers(1);
        long[] block = context.RequireIntegers(2);
        if (image.Length == 0 || image.Length != block.Length)
        {
            throw context.Invalid($"image_shape [{Listing.Of(image)}] and block_shape [{Listing.Of(block)}] must have as many numbers, and at least one");
        }

        _ = context.ToShape(image);
        _ = context.ToShape(block);
        return (image, block, SpatialAttributes.Parse(context, block, image));
    }

    private readonly struct Factory(long planes, long[] image, SpatialAttributes spatial) : INumericKernelFactory
    {
        public Kernel Create<T>()
            where T : unmanaged, INumber<T>, IMinMaxValue<T> => new Col2ImKernel<T>(planes, image, spatial.Kernel, spatial.Strides, spatial.Dilations, spatial.PadsBegin, spatial.PadsEnd);
    }
}
