using OnnxStream.Interop.Graphs;
using OnnxStream.Interop.Kernels;
using OnnxStream.Interop.Steps;

namespace OnnxStream.Interop.Operators;

/// <summary>Takes slices by tuples of indices. https://onnx.ai/onnx/operators/onnx__GatherND.html</summary>
/// <remarks>Opset 12 added <c>batch_dims</c>; 13 only added types.</remarks>
internal sealed class GatherND : Operator
{
    /// <inheritdoc/>
    public override bool TakesHalf(Node node) => true;

    /// <inheritdoc/>
    public override void Infer(InferenceContext context)
    {
        Shape data = context.InputShape(0);
        Shape indices = context.InputShape(1);
        context.CheckIndices(1);
        int batch = BatchDimensions(context);
        long length = indices.Rank == 0 ? 0 : indices[^1];
        if (length < 1 || length > data.Rank - batch)
        {
            throw context.Invalid($"tuples of {length} indices do not fit a tensor with {data.Rank - batch} dimensions behind {batch} batch dimensions");
        }

        context.SetOutput(0, context.InputElementType(0), new Shape([.. indices.Dimensions[..^1], .. data.Dimensions[(batch + (int)length)..]]));
    }

    /// <inheritdoc/>
    public override void Lower(LoweringContext context)
    {
        PlanTensor output = context.Output(0);
        if (output.ElementCount > 0)
        {
            IndexTuples tuples = new(context.InputShape(0), context.InputShape(1), BatchDimensions(context));
            context.Emit(new GatherTuplesKernel(tuples, output.ElementType.SizeOf()), [context.Input(0), context.Input(1)], [output]);
        }
    }

    private static int BatchDimensions(NodeContext context)
    {
        Shape data = context.InputShape(0);
        Shape indices = context.InputShape(1);
        long batch = context.Attributes.Int("batch_dims", 0);
        return batch >= 0 && batch < Math.Min(data.Rank, indices.Rank) && data.Dimensions[..(int)batch].SequenceEqual(indices.Dimensions[..(int)batch])
            ? (int)batch
            : throw context.Invalid($"data and indices do not share {batch} batch dimensions");
    }
}
