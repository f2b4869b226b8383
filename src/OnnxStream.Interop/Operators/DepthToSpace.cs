using OnnxStream.Interop.Graphs;
using OnnxStream.Interop.Steps;

namespace OnnxStream.Interop.Operators;

/// <summary>DepthToSpace and SpaceToDepth: moves channels of an image into blocks of pixels, or back. https://onnx.ai/onnx/operators/onnx__DepthToSpace.html</summary>
/// <remarks>Opset 11 added the order CRD to DepthToSpace, 28 to SpaceToDepth; 13 only added types. Both are a transposition of six dimensions.</remarks>
internal sealed class DepthToSpace(bool inverse) : Operator
{
    /// <inheritdoc/>
    public override bool TakesHalf(Node node) => true;

    /// <inheritdoc/>
    public override void Infer(InferenceContext context)
    {
        Shape input = context.InputShape(0);
        long block = context.Attributes.Int("blocksize", 0);
        if (input.Rank != 4 || block < 1 || block > int.MaxValue)
        {
            throw context.Invalid("the input must be [N,C,H,W] and 'blocksize' at least 1");
        }

        if (context.Attributes.String("mode", "DCR") is not ("DCR" or "CRD"))
        {
            throw context.Invalid($"mode '{context.Attributes.String("mode", "")}' is not one of DCR, CRD");
        }

        if (inverse ? input[2] % block != 0 || input[3] % block != 0 : input[1] % (block * block) != 0)
        {
            throw context.Invalid($"{input} cannot be rearranged in blocks of {block}");
        }

        context.SetOutput(0, context.InputElementType(0), inverse
            ? new Shape(input[0], checked(input[1] * block * block), input[2] / block, input[3] / block)
            : new Shape(input[0], input[1] / (block * block), checked(input[2] * block), checked(input[3] * block)));
    }

    /// <inheritdoc/>
    public override void Lower(LoweringContext context)
    {
        PlanTensor input = context.Input(0);
        PlanTensor output = context.Output(0);
        if (output.ElementCount == 0)
        {
            return;
        }

        long block = context.Attributes.Int("blocksize", 0);
        Shape image = inverse ? output.Shape : input.Shape;
        long channels = image[1] / (block * block);
        bool isDepthFirst = context.Attributes.String("mode", "DCR") == "DCR";
        (Shape shape, int[] permutation) =
            inverse ? (new Shape(image[0], channels, image[2], block, image[3], block), isDepthFirst ? [0, 3, 5, 1, 2, 4] : new[] { 0, 1, 3, 5, 2, 4 }) :
            isDepthFirst ? (new Shape(image[0], block, block, channels, image[2], image[3]), [0, 3, 4, 1, 5, 2]) :
            (new Shape(image[0], channels, block, block, image[2], image[3]), [0, 1, 4, 2, 5, 3]);
        Transpose.Emit(context, input.View(input.Name, input.Type with { Shape = shape }), permutation, output);
    }
}
