using System.Numerics;
using OnnxStream.Interop.Graphs;
using OnnxStream.Interop.Kernels;
using OnnxStream.Interop.Steps;

namespace OnnxStream.Interop.Operators;

/// <summary>Functions of one floating-point element without attributes: Sigmoid, Tanh, Exp, Sqrt, Sin, Cos, … https://onnx.ai/onnx/operators/</summary>
/// <remarks>XNNPACK's kernels of this kind take denormals for zero, and some are wrong near the ends of the range (a sigmoid of 1e30 is NaN with AVX-512).</remarks>
internal sealed class UnaryMath(UnaryMathFunction function) : Operator
{
    /// <inheritdoc/>
    public override bool CanOverwriteInput => true;

    /// <inheritdoc/>
    public override bool TakesHalf(Node node) => true;

    /// <inheritdoc/>
    public override void Infer(InferenceContext context)
    {
        if (!context.InputElementType(0).IsFloat() && !(function == UnaryMathFunction.Erf && context.InputElementType(0).IsInteger()))
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
        Kernel kernel = input.ElementType switch
        {
            ElementType.Float32 => new UnaryKernel<float, float, UnaryMathFunction<float>>(input.Shape, new(function)),
            ElementType.Float64 => new UnaryKernel<double, double, UnaryMathFunction<double>>(input.Shape, new(function)),
            ElementType.Float16 => new UnaryKernel<Half, Half, HalfFunction<UnaryMathFunction<float>>>(input.Shape, new(new(function))),
            _ when input.ElementType.IsInteger() => NumericKernels.Create(input.ElementType, new IntegerErrorFunctionFactory(input.Shape))!,
            _ => throw context.Unsupported($"element type {input.ElementType.ToOnnxName()}"),
        };
        context.Emit(kernel, [input], [output]);
    }

    private readonly struct IntegerErrorFunctionFactory(Shape shape) : INumericKernelFactory
    {
        public Kernel Create<T>()
            where T : unmanaged, INumber<T>, IMinMaxValue<T> => new UnaryKernel<T, T, IntegerErrorFunction<T>>(shape, default);
    }
}
