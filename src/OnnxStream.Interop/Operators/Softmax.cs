using OnnxStream.Interop.Kernels.Xnnpack;
using OnnxStream.Interop.Planning;

namespace OnnxStream.Interop.Operators;

/// <summary>exp(x) / sum(exp(x)) along an axis. https://onnx.ai/onnx/operators/onnx__Softmax.html</summary>
/// <remarks>Before opset 13 the tensor is taken as a matrix, and a row is everything from <c>axis</c> (1 unless given) on.</remarks>
internal sealed class Softmax : Operator
{
    /// <inheritdoc/>
    public override void Infer(InferenceContext context)
    {
        _ = AxisOf(context);
        context.SetOutput(0, context.InputElementType(0), context.InputShape(0));
    }

    /// <inheritdoc/>
    public override void Lower(LoweringContext context)
    {
        PlanTensor input = context.Input(0);
        PlanTensor output = context.Output(0);
        if (input.ElementType != ElementType.Float32)
        {
            throw context.Unsupported($"element type {input.ElementType.ToOnnxName()}");
        }

        if (input.ElementCount == 0)
        {
            return;
        }

        Shape shape = input.Shape;
        int axis = AxisOf(context);
        long channels = context.OperatorSet < 13 ? shape.Product(axis, shape.Rank) : shape.Rank == 0 ? 1 : shape[axis];
        if (context.OperatorSet < 13 || shape.Product(axis + 1, shape.Rank) == 1)
        {
            context.Emit(new XnnSoftmax(shape.ElementCount / channels, channels, context.Workers), [input], [output]);
            return;
        }

        int[] permutation = [.. Enumerable.Range(0, shape.Rank)];
        (permutation[axis], permutation[^1]) = (permutation[^1], permutation[axis]);
        PlanTensor turned = Transpose.Emit(context, input, permutation);
        PlanTensor result = context.Temporary(turned.Type);
        context.Emit(new XnnSoftmax(shape.ElementCount / channels, channels, context.Workers), [turned], [result]);
        Transpose.Emit(context, result, permutation, output);
    }

    private static int AxisOf(NodeContext context)
    {
        int rank = context.InputShape(0).Rank;
        long axis = context.Attributes.Int("axis", context.OperatorSet < 13 ? 1 : -1);

        // The matrix form allows an axis behind the last dimension: rows of one element.
        return context.OperatorSet < 13 && axis == rank ? rank : rank == 0 ? 0 : context.Axis(axis, rank);
    }
}
