using System.Numerics;
using OnnxStream.Interop.Kernels;
using OnnxStream.Interop.Steps;

namespace OnnxStream.Interop.Operators;

/// <summary>The places of the elements that are not zero. https://onnx.ai/onnx/operators/onnx__NonZero.html (opset 13 only added types).</summary>
/// <remarks>How many there are is only known after it has run. A scalar counts as a vector of one element.</remarks>
internal sealed class NonZero : Operator
{
    /// <inheritdoc/>
    public override void Infer(InferenceContext context)
    {
        Shape input = context.InputShape(0);
        context.SetDynamicOutput(0, ElementType.Int64, new Shape(Math.Max(1, input.Rank), input.ElementCount));
    }

    /// <inheritdoc/>
    public override void Lower(LoweringContext context)
    {
        PlanTensor input = context.Input(0);
        Kernel kernel = NumericKernels.Create(input.ElementType == ElementType.Bool ? ElementType.UInt8 : input.ElementType, new Factory(input.Shape)) ??
            throw context.Unsupported($"element type {input.ElementType.ToOnnxName()}");
        context.Emit(kernel, [input], [context.Output(0)]);
    }

    private readonly struct Factory(Shape shape) : INumericKernelFactory
    {
        public Kernel Create<T>()
            where T : unmanaged, INumber<T>, IMinMaxValue<T> => new NonZeroKernel<T>(shape);
    }
}
