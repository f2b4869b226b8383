using System.Numerics;
using System.Numerics.Tensors;
using System.Runtime.InteropServices;

namespace OnnxStream.Interop.Kernels;

/// <summary>Functions of one floating-point element without parameters.</summary>
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

/// <summary>Computes a <see cref="UnaryMathFunction"/>.</summary>
internal readonly struct UnaryMathFunction<T>(UnaryMathFunction function) : IUnaryFunction<T, T>
    where T : unmanaged, IFloatingPointIeee754<T>
{
    /// <inheritdoc/>
    public void Invoke(ReadOnlySpan<T> input, Span<T> output)
    {
        if (typeof(T) == typeof(float))
        {
            InvokeSingle(MemoryMarshal.Cast<T, float>(input), MemoryMarshal.Cast<T, float>(output));
            return;
        }

        switch (function)
        {
            case UnaryMathFunction.Sigmoid:
                TensorPrimitives.Sigmoid(input, output);
                break;
            case UnaryMathFunction.Exp:
                TensorPrimitives.Exp(input, output);
                break;
            case UnaryMathFunction.Tanh when typeof(T) == typeof(double):
                PreciseExponentials.Tanh(MemoryMarshal.Cast<T, double>(input), MemoryMarshal.Cast<T, double>(output));
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
            case UnaryMathFunction.Asin:
                TensorPrimitives.Asin(input, output);
                break;
            case UnaryMathFunction.Acos:
                TensorPrimitives.Acos(input, output);
                break;
            case UnaryMathFunction.Atan:
                TensorPrimitives.Atan(input, output);
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

    // The library's vectors lack some of these, or denormals, or digits near zero.
    private void InvokeSingle(ReadOnlySpan<float> input, Span<float> output)
    {
        switch (function)
        {
            case UnaryMathFunction.Sigmoid:
                VectorFunctions.Apply<SigmoidFunction>(input, output, default);
                break;
            case UnaryMathFunction.Tanh:
                VectorFunctions.Apply<TanhFunction>(input, output, default);
                break;
            case UnaryMathFunction.Exp:
                VectorFunctions.Apply<ExpFunction>(input, output, default);
                break;
            case UnaryMathFunction.Log:
                VectorFunctions.Apply<LogFunction>(input, output, default);
                break;
            case UnaryMathFunction.Sqrt:
                VectorFunctions.Apply<SqrtFunction>(input, output, default);
                break;
            case UnaryMathFunction.Sin:
                VectorFunctions.Apply<SinFunction>(input, output, default);
                break;
            case UnaryMathFunction.Cos:
                VectorFunctions.Apply<CosFunction>(input, output, default);
                break;
            case UnaryMathFunction.Tan:
                VectorFunctions.Apply<TanFunction>(input, output, default);
                break;
            case UnaryMathFunction.Asin:
                VectorFunctions.Apply<AsinFunction>(input, output, default);
                break;
            case UnaryMathFunction.Acos:
                VectorFunctions.Apply<AcosFunction>(input, output, default);
                break;
            case UnaryMathFunction.Atan:
                VectorFunctions.Apply<AtanFunction>(input, output, default);
                break;
            case UnaryMathFunction.Sinh:
                VectorFunctions.Apply<SinhFunction>(input, output, default);
                break;
            case UnaryMathFunction.Cosh:
                VectorFunctions.Apply<CoshFunction>(input, output, default);
                break;
            case UnaryMathFunction.Asinh:
                VectorFunctions.Apply<AsinhFunction>(input, output, default);
                break;
            case UnaryMathFunction.Acosh:
                VectorFunctions.Apply<AcoshFunction>(input, output, default);
                break;
            case UnaryMathFunction.Atanh:
                VectorFunctions.Apply<AtanhFunction>(input, output, default);
                break;
            case UnaryMathFunction.Reciprocal:
                VectorFunctions.Apply<ReciprocalFunction>(input, output, default);
                break;
            case UnaryMathFunction.Floor:
                VectorFunctions.Apply<FloorFunction>(input, output, default);
                break;
            case UnaryMathFunction.Ceil:
                VectorFunctions.Apply<CeilingFunction>(input, output, default);
                break;
            case UnaryMathFunction.Round:
                VectorFunctions.Apply<RoundFunction>(input, output, default);
                break;
            case UnaryMathFunction.Erf:
                VectorFunctions.Apply<ErfFunction>(input, output, default);
                break;
            case UnaryMathFunction.Softplus:
                VectorFunctions.Apply<SoftplusFunction>(input, output, default);
                break;
            case UnaryMathFunction.Softsign:
                VectorFunctions.Apply<SoftsignFunction>(input, output, default);
                break;
            case UnaryMathFunction.Mish:
                VectorFunctions.Apply<MishFunction>(input, output, default);
                break;
            case UnaryMathFunction.HardSwish:
                VectorFunctions.Apply<HardSwishFunction>(input, output, default);
                break;
            default:
                throw new InvalidOperationException($"{function} is not known.");
        }
    }

    private T Scalar(T x) => function switch
    {
        UnaryMathFunction.Erf => T.CreateTruncating(ErrorFunction.Erf(double.CreateTruncating(x))),
        // The vectors of System.Numerics.Tensors lose digits on processors without FMA.
        UnaryMathFunction.Tan => T.Tan(x),
        UnaryMathFunction.Tanh => PreciseExponentials.Tanh(x),
        UnaryMathFunction.Sinh => PreciseExponentials.Sinh(x),
        UnaryMathFunction.Softplus => PreciseExponentials.Softplus(x),
        UnaryMathFunction.Softsign => x / (T.One + T.Abs(x)),
        UnaryMathFunction.Mish => x * PreciseExponentials.Tanh(PreciseExponentials.Softplus(x)),
        UnaryMathFunction.HardSwish => x * T.Clamp(x / T.CreateChecked(6) + T.One / (T.One + T.One), T.Zero, T.One),
        _ => throw new InvalidOperationException($"{function} is computed elsewhere."),
    };
}
