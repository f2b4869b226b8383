using OnnxStream.Interop.Steps;
using OnnxStream.Interop.Tensors;

namespace OnnxStream.Interop.Operators;

/// <summary>Cuts a tensor into parts along an axis. https://onnx.ai/onnx/operators/onnx__Split.html</summary>
/// <remarks>Opset 11 allowed a negative axis, 13 made the sizes an input, 18 added <c>num_outputs</c>, whose last part may be smaller.</remarks>
internal sealed class Split : Operator
{
    private readonly record struct SplitAttributes(int Axis, long[] Sizes)
    {
        public static SplitAttributes Parse(NodeContext context)
        {
            Shape input = context.InputShape(0);
            int axis = context.Axis(context.Attributes.Int("axis", 0), input.Rank);
            long[] sizes = context.AttributeOrInput("split", inputFrom: 13, 1) ?? EqualSizes(context, input[axis]);
            if (sizes.Length != context.OutputCount || sizes.Any(size => size < 0) || sizes.Aggregate(0L, (sum, size) => checked(sum + size)) != input[axis])
            {
                throw context.Invalid($"sizes [{Listing.Of(sizes)}] do not split dimension {axis} into {context.OutputCount} parts");
            }

            return new SplitAttributes(axis, sizes);
        }

        private static long[] EqualSizes(NodeContext context, long whole)
        {
            long count = context.Attributes.Int("num_outputs", context.OutputCount);
            if (count < 1 || count != context.OutputCount)
            {
                throw context.Invalid($"num_outputs is {count}, but the node has {context.OutputCount} outputs");
            }

            long size = (whole + count - 1) / count;
            long last = whole - size * (count - 1);
            if (last < 0 || (last != size && context.OperatorSet < 18))
            {
                throw context.Invalid($"a dimension of {whole} cannot be split into {count} equal parts");
            }

            return [.. Enumerable.Repeat(size, (int)count - 1), last];
        }
    }

    /// <inheritdoc/>
    public override bool StoresAlike => true;

    /// <inheritdoc/>
    public override void Infer(InferenceContext context)
    {
        (int axis, long[] sizes) = SplitAttributes.Parse(context);
        long[] strides = context.InputShape(0).RowMajorStrides();
        long start = 0;
        for (int i = 0; i < sizes.Length; i++)
        {
            Slice.Infer(context, context.InputShape(0).With(axis, sizes[i]), strides, start * strides[axis], i);
            start += sizes[i];
        }
    }

    /// <inheritdoc/>
    public override void Lower(LoweringContext context)
    {
        (int axis, long[] sizes) = SplitAttributes.Parse(context);
        PlanTensor input = context.Input(0);
        long[] strides = input.Shape.RowMajorStrides();
        long start = 0;
        for (int i = 0; i < sizes.Length; i++)
        {
            if (context.HasOutput(i))
            {
                Slice.Emit(context, input, strides, start * strides[axis], i);
            }

            start += sizes[i];
        }
    }
}
