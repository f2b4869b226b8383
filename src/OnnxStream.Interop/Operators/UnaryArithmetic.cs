using System.Numerics;
using System.Numerics.Tensors;
using OnnxStream.Interop.Kernels;
using OnnxStream.Interop.Steps;

namespace OnnxStream.Interop.Operators;

/// <summary>Neg, Abs, Sign of any numbers: https://onnx.ai/onnx/operators/onnx__Abs.html and its siblings.</summary>
/// <remarks>Opset 13 only added types. The smallest integer has no opposite and stays as it is. The sign of NaN is NaN.</remarks>
internal sealed class UnaryArithmetic(UnaryArithmeticFunction function) : Operator
{
    /// <inheritdoc/>
    public override void Infer(InferenceContext context) => context.SetOutput(0, context.InputElementType(0), context.InputShape(0));

    /// <inheritdoc/>
    public override void Lower(LoweringContext context)
    {
        PlanTensor input = context.Input(0);
        Kernel kernel = NumericKernels.Create(input.ElementType, new Factory(function, input.Shape)) ?? throw context.Unsupported($"element type {input.ElementType.ToOnnxName()}");
        context.Emit(kernel, [input], [context.Output(0)]);
    }

    private readonly struct Factory(UnaryArithmeticFunction function, Shape shape) : INumericKernelFactory
    {
        public Kernel Create<T>()
            where T : unmanaged, INumber<T>, IMinMaxValue<T> => function switch
            {
                UnaryArithmeticFunction.Neg => new UnaryKernel<T, T, NegFunction<T>>(shape, default),
                UnaryArithmeticFunction.Abs => new UnaryKernel<T, T, AbsFunction<T>>(shape, default),
                _ => new UnaryKernel<T, T, SignFunction<T>>(shape, default),
            };
    }

    private readonly struct NegFunction<T> : IUnaryFunction<T, T>
        where T : unmanaged, INumber<T>
    {
        public void Invoke(ReadOnlySpan<T> input, Span<T> output) => TensorPrimitives.Negate(input, output);
    }

    private readonly struct AbsFunction<T> : IUnaryFunction<T, T>
        where T : unmanaged, INumber<T>
    {
        public void Invoke(ReadOnlySpan<T> input, Span<T> output)
        {
            if (typeof(T) == typeof(float) || typeof(T) == typeof(double))
            {
                TensorPrimitives.Abs(input, output);
                return;
            }

            // The least integer has no opposite, and stays.
            for (int i = 0; i < input.Length; i++)
            {
                output[i] = T.IsNegative(input[i]) ? -input[i] : input[i];
            }
        }
    }

    private readonly struct SignFunction<T> : IUnaryFunction<T, T>
        where T : unmanaged, INumber<T>
    {
        public void Invoke(ReadOnlySpan<T> input, Span<T> output)
        {
            for (int i = 0; i < input.Length; i++)
            {
                T x = input[i];
                output[i] = x > T.Zero ? T.One : x < T.Zero ? -T.One : T.IsNaN(x) ? x : T.Zero;
            }
        }
    }
}

/// <summary>The functions of <see cref="UnaryArithmetic"/>.</summary>
internal enum UnaryArithmeticFunction
{
    Neg,
    Abs,
    Sign,
}
