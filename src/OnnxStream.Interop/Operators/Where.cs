using OnnxStream.Interop.Graphs;
using OnnxStream.Interop.Kernels;
using OnnxStream.Interop.Steps;

namespace OnnxStream.Interop.Operators;

/// <summary>Takes each element from one of two tensors, with broadcasting. https://onnx.ai/onnx/operators/onnx__Where.html (opset 16 only added types).</summary>
internal sealed class Where : Operator
{
    /// <inheritdoc/>
    public override bool TakesHalf(Node node) => true;

    /// <inheritdoc/>
    public override void Infer(InferenceContext context)
    {
        if (context.InputElementType(0) != ElementType.Bool || context.InputElementType(1) != context.InputElementType(2))
        {
            throw context.Invalid("the condition must be bool, and both tensors must have the same element type");
        }

        context.SetOutput(0, context.InputElementType(1), context.Broadcast(context.InputShape(0), context.Broadcast(context.InputShape(1), context.InputShape(2))));
    }

    /// <inheritdoc/>
    public override void Lower(LoweringContext context)
    {
        PlanTensor output = context.Output(0);
        Kernel kernel = SizedKernels.Create(output.ElementType, new Factory(output.Shape, context.InputShape(0), context.InputShape(1), context.InputShape(2)));
        context.Emit(kernel, [context.Input(0), context.Input(1), context.Input(2)], [output]);
    }

    private readonly struct Factory(Shape output, Shape condition, Shape whenTrue, Shape whenFalse) : ISizedKernelFactory
    {
        public Kernel Create<T>()
            where T : unmanaged => new WhereKernel<T>(output, condition, whenTrue, whenFalse);
    }
}
