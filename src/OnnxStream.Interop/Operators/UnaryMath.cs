using System.Numerics;
using OnnxStream.Interop.Bindings;
using OnnxStream.Interop.Kernels;
using OnnxStream.Interop.Steps;

namespace OnnxStream.Interop.Operators;

/// <summary>Functions of one floating-point element without attributes: Sigmoid, Tanh, Exp, Sqrt, Sin, Cos, … https://onnx.ai/onnx/operators/</summary>
/// <remarks>Single precision is XNNPACK's where it has the function; half and double precision are managed.</remarks>
internal sealed class UnaryMath(UnaryMathFunction function) : Operator
{
    /// <inheritdoc/>
    public override bool CanOverwriteInput => true;

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
            ElementType.Float32 when input.ElementCount > 0 && XnnOperator(function) is { } type => new XnnUnary(type, input.ElementCount, context.Workers),
            ElementType.Float32 => new UnaryKernel<float, float, UnaryMathFunction<float>>(input.Shape, new(function)),
            ElementType.Float64 => new UnaryKernel<double, double, UnaryMathFunction<double>>(input.Shape, new(function)),
            ElementType.Float16 => new UnaryKernel<Half, Half, HalfFunction<UnaryMathFunction<float>>>(input.Shape, new(new(function))),
            _ when input.ElementType.IsInteger() => NumericKernels.Create(input.ElementType, new IntegerErrorFunctionFactory(input.Shape))!,
            _ => throw context.Unsupported($"element type {input.ElementType.ToOnnxName()}"),
        };
        context.Emit(kernel, [input], [output]);
    }

    private static xnn_unary_operator? XnnOperator(UnaryMathFunction function) => function switch
    {
        UnaryMathFunction.Sigmoid => xnn_unary_operator.xnn_unary_sigmoid,
        UnaryMathFunction.Tanh => xnn_unary_operator.xnn_unary_tanh,
        UnaryMathFunction.Exp => xnn_unary_operator.xnn_unary_exp,
        UnaryMathFunction.Log => xnn_unary_operator.xnn_unary_log,
        UnaryMathFunction.Sqrt => xnn_unary_operator.xnn_unary_square_root,
        UnaryMathFunction.Sin => xnn_unary_operator.xnn_unary_sine,
        UnaryMathFunction.Cos => xnn_unary_operator.xnn_unary_cosine,
        UnaryMathFunction.HardSwish => xnn_unary_operator.xnn_unary_hardswish,
        UnaryMathFunction.Floor => xnn_unary_operator.xnn_unary_floor,
        UnaryMathFunction.Ceil => xnn_unary_operator.xnn_unary_ceiling,
        UnaryMathFunction.Round => xnn_unary_operator.xnn_unary_bankers_rounding,
        _ => null,
    };

    private readonly struct IntegerErrorFunctionFactory(Shape shape) : INumericKernelFactory
    {
        public Kernel Create<T>()
            where T : unmanaged, INumber<T>, IMinMaxValue<T> => new UnaryKernel<T, T, IntegerErrorFunction<T>>(shape, default);
    }
}
