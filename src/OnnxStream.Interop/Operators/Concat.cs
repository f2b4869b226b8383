using OnnxStream.Interop.Graphs;
using OnnxStream.Interop.Kernels;
using OnnxStream.Interop.Steps;
using OnnxStream.Interop.Tensors;

namespace OnnxStream.Interop.Operators;

/// <summary>Puts tensors behind each other along an axis. https://onnx.ai/onnx/operators/onnx__Concat.html</summary>
/// <remarks>Opset 11 allowed a negative axis; 13 only added types.</remarks>
internal sealed class Concat : Operator
{
    /// <inheritdoc/>
    public override bool StoresAlike => true;

    /// <summary>Elements that are stored together must stay together: those of a row, or of parts of rows.</summary>
    public override bool StoresAlikeIn(Node node, RowFormat format) =>
        format.Together == 1 || !IsOfLastDimension(new InferenceContext(node)) || node.Inputs.All(input => input!.Type!.Value.Shape[^1] % format.Together == 0);

    /// <inheritdoc/>
    public override bool CanWriteStripe(Node node) => IsOfLastDimension(new InferenceContext(node));

    /// <inheritdoc/>
    public override bool CanReadStripe(Node node, int input) => node.Inputs.Length > 1 && IsOfLastDimension(new InferenceContext(node));

    /// <inheritdoc/>
    public override IReadOnlyList<(long FirstElement, bool IsStripe)>? InputPlaces(NodeContext context)
    {
        Shape output = context.OutputShape(0);
        int axis = Axis(context);
        if (context.OutputElementType(0) == ElementTypes.Blocks)
        {
            return null;
        }

        bool isWhole = output.Product(0, axis) == 1;
        if (!isWhole && axis != output.Rank - 1)
        {
            return null;
        }

        List<(long FirstElement, bool IsStripe)> places = new(context.InputCount);
        long before = 0;
        for (int i = 0; i < context.InputCount; i++)
        {
            places.Add((before, !isWhole));
            before += context.InputShape(i).Product(axis, output.Rank);
        }

        return places;
    }

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

        // What lies behind each other in the inputs and in the output for each index before the axis.
        int axis = Axis(context);
        RowFormat format = RowFormat.Of(output.ElementType);
        long stride = output.StripeStride == 0 ? Bytes(output.Shape) : output.StripeStride * output.ElementType.SizeOf();
        List<PlanTensor> inputs = [];
        List<CopiedBlock> blocks = [];
        long offset = 0;
        for (int i = 0; i < context.InputCount; i++)
        {
            long bytes = Bytes(context.InputShape(i));
            if (context.InputShape(i).ElementCount > 0 && !context.IsInPlace(i))
            {
                PlanTensor input = context.Input(i);
                inputs.Add(input);
                blocks.Add(new CopiedBlock(bytes, input.StripeStride == 0 ? bytes : input.StripeStride * input.ElementType.SizeOf(), offset));
            }

            offset += bytes;
        }

        if (inputs.Count > 0)
        {
            context.Emit(new ConcatKernel(output.Shape.Product(0, axis), [.. blocks], stride), [.. inputs], [output]);
        }

        // Of what lies behind the index before the axis.
        long Bytes(Shape shape) => output.ElementType == ElementTypes.Blocks
            ? shape.Product(axis, shape.Rank) / shape[^1] * format.Bytes(shape[^1])
            : shape.Product(axis, shape.Rank) * output.ElementType.SizeOf();
    }

    private static bool IsOfLastDimension(InferenceContext context) => Axis(context) == context.InputShape(0).Rank - 1;

    private static int Axis(NodeContext context) =>
        context.Attributes.Has("axis") ? context.Axis(context.Attributes.Int("axis", 0), context.InputShape(0).Rank) : throw context.Invalid("attribute 'axis' is missing");
}
