using System.Numerics;
using OnnxStream.Interop.Kernels;
using OnnxStream.Interop.Steps;
using OnnxStream.Interop.Tensors;

namespace OnnxStream.Interop.Operators;

/// <summary>The k largest or smallest elements along an axis. https://onnx.ai/onnx/operators/onnx__TopK.html</summary>
/// <remarks>
/// Opset 10 made k an input, 11 added <c>largest</c> and <c>sorted</c>; the result is always sorted, which is one of the
/// orders that unsorted allows. k must be known when planning.
/// </remarks>
internal sealed class TopK : Operator
{
    /// <inheritdoc/>
    public override void Infer(InferenceContext context)
    {
        Shape input = context.InputShape(0);
        int axis = Axis(context);
        long[] count = context.OperatorSet < 10 ? [context.Attributes.Int("k", -1)] : context.RequireIntegers(1);
        if (count is not [>= 0 and var k] || k > input[axis])
        {
            throw context.Invalid($"k is [{Listing.Of(count)}], it must be one number from 0 to {input[axis]}");
        }

        context.SetOutput(0, context.InputElementType(0), input.With(axis, k));
        context.SetOutput(1, ElementType.Int64, input.With(axis, k));
    }

    /// <inheritdoc/>
    public override void Lower(LoweringContext context)
    {
        PlanTensor input = context.Input(0);
        Shape shape = context.OutputShape(context.HasOutput(0) ? 0 : 1);
        PlanTensor values = context.HasOutput(0) ? context.Output(0) : context.Temporary(input.Type with { Shape = shape });
        PlanTensor indices = context.HasOutput(1) ? context.Output(1) : context.Temporary(new TensorType(ElementType.Int64, shape));
        if (shape.ElementCount == 0)
        {
            return;
        }

        int axis = Axis(context);
        Kernel kernel = NumericKernels.Create(input.ElementType, new Factory(input.Shape, axis, shape[axis], context.Attributes.Int("largest", 1) != 0, context.Workers.WorkerCount)) ??
            throw context.Unsupported($"element type {input.ElementType.ToOnnxName()}");
        context.Emit(kernel, [input], [values, indices]);
    }

    private static int Axis(NodeContext context) => context.Axis(context.Attributes.Int("axis", -1), context.InputShape(0).Rank);

    private readonly struct Factory(Shape input, int axis, long k, bool largest, int workers) : INumericKernelFactory
    {
        public Kernel Create<T>()
            where T : unmanaged, INumber<T>, IMinMaxValue<T> => new TopKKernel<T>(input.Product(0, axis), input[axis], input.Product(axis + 1, input.Rank), k, largest, workers);
    }
}
