using OnnxStream.Interop.Kernels;
using OnnxStream.Interop.Steps;

namespace OnnxStream.Interop.Operators;

/// <summary>Softmax, LogSoftmax and Hardmax along an axis. https://onnx.ai/onnx/operators/onnx__Softmax.html</summary>
/// <remarks>
/// Before opset 13 the tensor is taken as a matrix, and a row is everything from <c>axis</c> (1 unless given) on. XNNPACK's
/// softmax is not used: for AVX-512 it is NaN where elements are 4.4e26 or more below the largest one, as masks may be.
/// </remarks>
internal sealed class Softmax(SoftmaxFunction function) : Operator
{
    /// <inheritdoc/>
    public override void Infer(InferenceContext context)
    {
        _ = AxisOf(context);
        if (!context.InputElementType(0).IsFloat())
        {
            throw context.Invalid("the input must be a floating-point tensor");
        }

        context.SetOutput(0, context.InputElementType(0), context.InputShape(0));
    }

    /// <inheritdoc/>
    public override void Lower(LoweringContext context)
    {
        PlanTensor input = context.Input(0);
        PlanTensor output = context.Output(0);
        if (input.ElementCount == 0)
        {
            return;
        }

        Shape shape = input.Shape;
        int axis = AxisOf(context);
        long channels = context.OperatorSet < 13 ? shape.Product(axis, shape.Rank) : shape.Rank == 0 ? 1 : shape[axis];
        long inner = context.OperatorSet < 13 ? 1 : shape.Product(axis + 1, shape.Rank);
        if (input.ElementType == ElementType.Float32 && function is (SoftmaxFunction.Softmax or SoftmaxFunction.LogSoftmax) && !EmptyRowsAreZero(context) && inner > 1 && inner % VectorSoftmaxKernel.Lanes == 0)
        {
            context.Emit(new VectorSoftmaxKernel(shape.ElementCount / channels / inner, channels, inner, function == SoftmaxFunction.LogSoftmax), [input], [output]);
            return;
        }

        if (inner == 1)
        {
            context.Emit(CreateKernel(context, input.ElementType, shape.ElementCount / channels, channels), [input], [output]);
            return;
        }

        int[] permutation = [.. Enumerable.Range(0, shape.Rank)];
        (permutation[axis], permutation[^1]) = (permutation[^1], permutation[axis]);
        PlanTensor turned = Transpose.Emit(context, input, permutation);
        PlanTensor result = context.Temporary(turned.Type);
        context.Emit(CreateKernel(context, input.ElementType, shape.ElementCount / channels, channels), [turned], [result]);
        Transpose.Emit(context, result, permutation, output);
    }

    private Kernel CreateKernel(LoweringContext context, ElementType type, long rows, long length) => type switch
    {
        ElementType.Float32 when length > 0 && function is (SoftmaxFunction.Softmax or SoftmaxFunction.LogSoftmax) && !EmptyRowsAreZero(context) => new VectorSoftmaxKernel(rows, length, 1, function == SoftmaxFunction.LogSoftmax),
        ElementType.Float32 when function == SoftmaxFunction.Softmax => new SingleSoftmaxKernel(rows, length) { EmptyRowsAreZero = EmptyRowsAreZero(context) },
        ElementType.Float32 => new SoftmaxKernel<float, float>(function, rows, length) { EmptyRowsAreZero = EmptyRowsAreZero(context) },
        ElementType.Float64 => new SoftmaxKernel<double, double>(function, rows, length) { EmptyRowsAreZero = EmptyRowsAreZero(context) },
        ElementType.Float16 => new SoftmaxKernel<Half, float>(function, rows, length) { EmptyRowsAreZero = EmptyRowsAreZero(context) },
        _ => throw context.Unsupported($"element type {type.ToOnnxName()}"),
    };

    private static bool EmptyRowsAreZero(NodeContext context) => context.Node.Fusion is SoftmaxFusion { EmptyRowsAreZero: true };

    private static int AxisOf(NodeContext context)
    {
        int rank = context.InputShape(0).Rank;
        long axis = context.Attributes.Int("axis", context.OperatorSet < 13 ? 1 : -1);

        // The matrix form allows an axis behind the last dimension: rows of one element.
        return context.OperatorSet < 13 && axis == rank ? rank : rank == 0 ? 0 : context.Axis(axis, rank);
    }
}
