using System.Numerics;
using System.Numerics.Tensors;
using OnnxStream.Interop.Bindings;
using OnnxStream.Interop.Kernels;
using OnnxStream.Interop.Kernels.Managed;
using OnnxStream.Interop.Kernels.Xnnpack;
using OnnxStream.Interop.Planning;

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
            ElementType.Float32 => new UnaryKernel<float, float, Function<float>>(input.Shape, new(function)),
            ElementType.Float64 => new UnaryKernel<double, double, Function<double>>(input.Shape, new(function)),
            ElementType.Float16 => new UnaryKernel<Half, Half, HalfFunction<Function<float>>>(input.Shape, new(new(function))),
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

    // The specification allows integers: the real result is truncated.
    private readonly struct IntegerErrorFunction<T> : IUnaryFunction<T, T>
        where T : unmanaged, INumber<T>
    {
        public void Invoke(ReadOnlySpan<T> input, Span<T> output)
        {
            for (int i = 0; i < input.Length; i++)
            {
                output[i] = T.CreateTruncating(ErrorFunction.Erf(double.CreateTruncating(input[i])));
            }
        }
    }

    private readonly struct Function<T>(UnaryMathFunction function) : IUnaryFunction<T, T>
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        public void Invoke(ReadOnlySpan<T> input, Span<T> output)
        {
            switch (function)
            {
                case UnaryMathFunction.Sigmoid:
                    TensorPrimitives.Sigmoid(input, output);
                    break;
                case UnaryMathFunction.Tanh:
                    TensorPrimitives.Tanh(input, output);
                    break;
                case UnaryMathFunction.Exp:
                    TensorPrimitives.Exp(input, output);
                    break;
                case UnaryMathFunction.Log:
                    TensorPrimitives.Log(input, output);
                    break;
                case UnaryMathFunction.Sqrt:
                    TensorPrimitives.Sqrt(input, output);
                    break;
                case UnaryMathFunction.Sin:
                    TensorPrimitives.Sin(input, output);
                    break;
                case UnaryMathFunction.Cos:
                    TensorPrimitives.Cos(input, output);
                    break;
                case UnaryMathFunction.Tan:
                    TensorPrimitives.Tan(input, output);
                    break;
                case UnaryMathFunction.Asin:
                    TensorPrimitives.Asin(input, output);
                    break;
                case UnaryMathFunction.Acos:
                    TensorPrimitives.Acos(input, output);
                    break;
                case UnaryMathFunction.Atan:
                    TensorPrimitives.Atan(input, output);
                    break;
                case UnaryMathFunction.Sinh:
                    TensorPrimitives.Sinh(input, output);
                    break;
                case UnaryMathFunction.Cosh:
                    TensorPrimitives.Cosh(input, output);
                    break;
                case UnaryMathFunction.Asinh:
                    TensorPrimitives.Asinh(input, output);
                    break;
                case UnaryMathFunction.Acosh:
                    TensorPrimitives.Acosh(input, output);
                    break;
                case UnaryMathFunction.Atanh:
                    TensorPrimitives.Atanh(input, output);
                    break;
                case UnaryMathFunction.Reciprocal:
                    TensorPrimitives.Reciprocal(input, output);
                    break;
                case UnaryMathFunction.Floor:
                    TensorPrimitives.Floor(input, output);
                    break;
                case UnaryMathFunction.Ceil:
                    TensorPrimitives.Ceiling(input, output);
                    break;
                case UnaryMathFunction.Round:
                    TensorPrimitives.Round(input, output);
                    break;
                default:
                    for (int i = 0; i < input.Length; i++)
                    {
                        output[i] = Scalar(input[i]);
                    }

                    break;
            }
        }

        private T Scalar(T x) => function switch
        {
            UnaryMathFunction.Erf => T.CreateTruncating(ErrorFunction.Erf(double.CreateTruncating(x))),
            UnaryMathFunction.Softplus => x > T.Zero ? x + T.LogP1(T.Exp(-x)) : T.LogP1(T.Exp(x)),
            UnaryMathFunction.Softsign => x / (T.One + T.Abs(x)),
            UnaryMathFunction.Mish => x * T.Tanh(x > T.Zero ? x + T.LogP1(T.Exp(-x)) : T.LogP1(T.Exp(x))),
            UnaryMathFunction.HardSwish => x * T.Clamp(x / T.CreateChecked(6) + T.One / (T.One + T.One), T.Zero, T.One),
            _ => throw new InvalidOperationException($"{function} is computed elsewhere."),
        };
    }
}

/// <summary>The functions of <see cref="UnaryMath"/>.</summary>
internal enum UnaryMathFunction
{
    Sigmoid,
    Tanh,
    Exp,
    Log,
    Sqrt,
    Sin,
    Cos,
    Tan,
    Asin,
    Acos,
    Atan,
    Sinh,
    Cosh,
    Asinh,
    Acosh,
    Atanh,
    Reciprocal,
    Floor,
    Ceil,
    Round,
    Erf,
    Softplus,
    Softsign,
    Mish,
    HardSwish,
}
