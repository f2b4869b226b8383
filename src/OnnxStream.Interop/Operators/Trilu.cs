using OnnxStream.Interop.Graphs;
using OnnxStream.Interop.Kernels;
using OnnxStream.Interop.Steps;

namespace OnnxStream.Interop.Operators;

/// <summary>The upper or the lower triangle of matrices. https://onnx.ai/onnx/operators/onnx__Trilu.html (opset 14).</summary>
internal sealed class Trilu : Operator
{
    /// <inheritdoc/>
    public override bool TakesHalf(Node node) => true;

    /// <inheritdoc/>
    public override void Infer(InferenceContext context)
    {
        if (context.InputShape(0).Rank < 2)
        {
            throw context.Invalid("the input must have at least two dimensions");
        }

        if (context.HasInput(1) && (context.InputElementType(1) != ElementType.Int64 || context.InputShape(1).ElementCount != 1))
        {
            throw context.Invalid("the diagonal must be a single int64");
        }

        context.SetOutput(0, context.InputElementType(0), context.InputShape(0));
    }

    /// <inheritdoc/>
    public override void Lower(LoweringContext context)
    {
        PlanTensor input = context.Input(0);
        PlanTensor output = context.Output(0);
        if (output.ElementCount > 0)
        {
            bool hasDiagonal = context.HasInput(1);
            Kernel kernel = SizedKernels.Create(input.ElementType, new Factory(input.Shape, context.Attributes.Int("upper", 1) != 0, hasDiagonal));
            context.Emit(kernel, hasDiagonal ? [input, context.Input(1)] : [input], [output]);
        }
    }

    private readonly struct Factory(Shape shape, bool upper, bool hasDiagonal) : ISizedKernelFactory
    {
        public Kernel Create<T>()
            where T : unmanaged => new TriangleKernel<T>(shape.Product(0, shape.Rank - 2), shape[^2], shape[^1], upper, hasDiagonal);
    }
}
