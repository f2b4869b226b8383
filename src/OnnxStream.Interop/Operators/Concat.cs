using OnnxStream.Interop.Graphs;
using OnnxStream.Interop.Kernels;
using OnnxStream.Interop.Steps;

namespace OnnxStream.Interop.Operators;

/// <summary>Puts tensors behind each other along an axis. https://onnx.ai/onnx/operators/onnx__Concat.html</summary>
/// <remarks>Opset 11 allowed a negative axis; 13 only added types.</remarks>
internal sealed class Concat : Operator
{
    /// <inheritdoc/>
    public override bool StoresAlike => true;

    /// <inheritdoc/>
    public override bool CanWriteStripe(Node node) => IsOfLastDimension(new InferenceContext(node));

    /// <inheritdoc/>
    public override bool CanReadStripe(Node node, int input) => node.Inputs.Length > 1 && IsOfLastDimension(new InferenceContext(node));

    /// <inheritdoc/>
    public override IReadOnlyList<(long FirstElement, bool IsStripe)>? InputPlaces(NodeContext context)
    {
        Shape output = context.OutputShape(0);
        int axis = Axis(context);
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
        long size = output.ElementType.SizeOf();
        long stride = (output.StripeStride == 0 ? output.Shape.Product(axis, output.Shape.Rank) : output.StripeStride) * size;
        List<PlanTensor> inputs = [];
        List<CopiedBlock> blocks = [];
        long offset = 0;
        for (int i = 0; i < context.InputCount; i++)
        {
            long bytes = context.InputShape(i).Product(axis, output.Shape.Rank) * size;
            if (context.InputShape(i).ElementCount > 0 && !context.IsInPlace(i))
            {
                PlanTensor input = context.Input(i);
                inputs.Add(input);
                blocks.Add(new CopiedBlock(bytes, input.StripeStride == 0 ? bytes : input.StripeStride * size, offset));
            }

            offset += bytes;
        }

        if (inputs.Count > 0)
        {
            context.Emit(new ConcatKernel(output.Shape.Product(0, axis), [.. blocks], stride), [.. inputs], [output]);
        }
    }

    private static bool IsOfLastDimension(InferenceContext context) => Axis(context) == context.InputShape(0).Rank - 1;

    private static int Axis(NodeContext context) =>
        context.Attributes.Has("axis") ? context.Axis(context.Attributes.Int("axis", 0), context.InputShape(0).Rank) : throw context.Invalid("attribute 'axis' is missing");
}
