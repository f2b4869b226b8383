using OnnxStream.Interop.Graphs;
using OnnxStream.Interop.Kernels;
using OnnxStream.Interop.Steps;

namespace OnnxStream.Interop.Operators;

/// <summary>Picks slices along an axis by index. https://onnx.ai/onnx/operators/onnx__Gather.html</summary>
/// <remarks>Opset 11 allowed negative indices. From a weight in a file (an embedding) only the picked slices are read.</remarks>
internal sealed class Gather : Operator
{
    /// <inheritdoc/>
    public override bool TakesHalf(Node node) => true;

    /// <inheritdoc/>
    public override void Infer(InferenceContext context)
    {
        Shape data = context.InputShape(0);
        int axis = Axis(context);
        context.CheckIndices(1);
        context.SetOutput(0, context.InputElementType(0), new Shape([.. data.Dimensions[..axis], .. context.InputShape(1).Dimensions, .. data.Dimensions[(axis + 1)..]]));
    }

    /// <inheritdoc/>
    public override void Lower(LoweringContext context)
    {
        PlanTensor output = context.Output(0);
        if (output.ElementCount == 0)
        {
            return;
        }

        PlanTensor indices = context.Input(1);
        Shape shape = context.InputShape(0);
        int axis = Axis(context);
        long outer = shape.Product(0, axis);
        long block = shape.Product(axis + 1, shape.Rank);
        if (outer == 1 && context.ConstantInput(0) is { Location: not null, IsChannelsLast: false } weight && weight.CanPart(block))
        {
            context.Emit(new GatherWeightKernel(weight, shape[axis], indices.ElementCount, block), [context.StoredInput(0), indices], [output]);
        }
        else
        {
            context.Emit(new GatherKernel(outer, shape[axis], indices.ElementCount, block * output.ElementType.SizeOf()), [context.Input(0), indices], [output]);
        }
    }

    private static int Axis(NodeContext context) => context.Axis(context.Attributes.Int("axis", 0), context.InputShape(0).Rank);
}
