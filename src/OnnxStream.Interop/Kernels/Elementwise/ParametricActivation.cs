using System.Numerics;
using System.Numerics.Tensors;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace OnnxStream.Interop.Kernels;

/// <summary>Computes an <see cref="ActivationFunction"/> of floating-point numbers.</summary>
internal readonly struct ParametricActivation<T>(ActivationFunction function, ActivationParameters parameters) : IUnaryFunction<T, T>
    where T : unmanaged, IFloatingPointIeee754<T>
{
    private const int Chunk = 512;

    /// <inheritdoc/>
    public void Invoke(ReadOnlySpan<T> input, Span<T> output)
    {
        if (typeof(T) == typeof(float) && TryInvokeSingle(MemoryMarshal.Cast<T, float>(input), MemoryMarshal.Cast<T, float>(output)))
        {
            return;
        }

        T alpha = T.CreateTruncating(parameters.Alpha);
        T beta = T.CreateTruncating(parameters.Beta);
        switch (function)
        {
            case ActivationFunction.Relu:
                default(VectorizedFunction<T, ReluOperation>).Invoke(input, output);
                break;
            case ActivationFunction.LeakyRelu:
                for (int i = 0; i < input.Length; i++)
                {
                    output[i] = input[i] < T.Zero ? alpha * input[i] : input[i];
                }

                break;
            case ActivationFunction.ThresholdedRelu:
                for (int i = 0; i < input.Length; i++)
                {
                    output[i] = input[i] > alpha ? input[i] : T.Zero;
                }

                break;
            case ActivationFunction.Shrink:
                for (int i = 0; i < input.Length; i++)
                {
                    output[i] = input[i] < -alpha ? input[i] + beta : input[i] > alpha ? input[i] - beta : T.Zero;
                }

                break;
            case ActivationFunction.HardSigmoid:
                TensorPrimitives.Multiply(input, alpha, output);
                TensorPrimitives.Add(output[..input.Length], beta, output);
                TensorPrimitives.Clamp(output[..input.Length], T.Zero, T.One, output);
                break;
            default:
                // The rest is computed in chunks with room for an intermediate result beside them: input and output may be the same memory.
                Span<T> scratch = stackalloc T[Chunk];
                for (int start = 0; start < input.Length; start += Chunk)
                {
                    int length = Math.Min(Chunk, input.Length - start);
                    InvokeChunk(input.Slice(start, length), output.Slice(start, length), scratch[..length], alpha, beta);
                }

                break;
        }
    }

    private bool TryInvokeSingle(ReadOnlySpan<float> input, Span<float> output)
    {
        (float alpha, float beta) = (parameters.Alpha, parameters.Beta);
        switch (function)
        {
            case ActivationFunction.Relu:
                VectorFunctions.Apply<ReluFunction>(input, output, default);
                return true;
            case ActivationFunction.LeakyRelu:
                VectorFunctions.Apply(input, output, new LeakyReluFunction(alpha));
                return true;
            case ActivationFunction.ThresholdedRelu:
                VectorFunctions.Apply(input, output, new ThresholdedReluFunction(alpha));
                return true;
            case ActivationFunction.Shrink:
                VectorFunctions.Apply(input, output, new ShrinkFunction(alpha, beta));
                return true;
            case ActivationFunction.Elu:
                VectorFunctions.Apply(input, output, new ScaledEluFunction(alpha, 1));
                return true;
            case ActivationFunction.Selu:
                VectorFunctions.Apply(input, output, new ScaledEluFunction(alpha, beta));
                return true;
            case ActivationFunction.Celu:
                VectorFunctions.Apply(input, output, new CeluFunction(alpha));
                return true;
            case ActivationFunction.Swish:
                VectorFunctions.Apply(input, output, new SwishFunction(alpha));
                return true;
            case ActivationFunction.HardSigmoid:
                VectorFunctions.Apply(input, output, new HardSigmoidFunction(alpha, beta));
                return true;
            case ActivationFunction.Gelu when parameters.IsApproximate:
                VectorFunctions.Apply<GeluTanhFunction>(input, output, default);
                return true;
            case ActivationFunction.Gelu:
                VectorFunctions.Apply<GeluFunction>(input, output, default);
                return true;
            default:
                return false;
        }
    }

    private readonly struct ReluOperation : IVectorizedFunction<T>
    {
        public static T Invoke(T x) => x <= T.Zero ? T.Zero : x;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static Vector<T> Invoke(Vector<T> x) => Vector.ConditionalSelect(Vector.LessThanOrEqual(x, Vector<T>.Zero), Vector<T>.Zero, x);
    }

    private void InvokeChunk(ReadOnlySpan<T> input, Span<T> output, Span<T> scratch, T alpha, T beta)
    {
        switch (function)
        {
            case ActivationFunction.Swish:
                TensorPrimitives.Multiply(input, alpha, scratch);
                TensorPrimitives.Sigmoid(scratch, scratch);
                TensorPrimitives.Multiply(input, scratch, output);
                break;
            case ActivationFunction.Gelu when parameters.IsApproximate:
                // x/2 (1 + tanh(sqrt(2/pi) (x + 0.044715 x^3)))
                TensorPrimitives.Multiply(input, input, scratch);
                TensorPrimitives.Multiply(scratch, T.CreateTruncating(0.044715), scratch);
                TensorPrimitives.Add(scratch, T.One, scratch);
                TensorPrimitives.Multiply(scratch, input, scratch);
                TensorPrimitives.Multiply(scratch, T.CreateTruncating(Math.Sqrt(2 / Math.PI)), scratch);
                TensorPrimitives.Tanh(scratch, scratch);
                TensorPrimitives.AddMultiply(scratch, T.One, input, scratch);
                TensorPrimitives.Multiply(scratch, T.CreateTruncating(0.5), output);
                break;
            case ActivationFunction.Gelu:
                for (int i = 0; i < input.Length; i++)
                {
                    double x = double.CreateTruncating(input[i]);
                    output[i] = T.CreateTruncating(0.5 * x * (1 + ErrorFunction.Erf(x / Math.Sqrt(2))));
                }

                break;
            case ActivationFunction.Celu:
                for (int i = 0; i < input.Length; i++)
                {
                    output[i] = T.Max(T.Zero, input[i]) + T.Min(T.Zero, alpha * PreciseExponentials.ExpM1(input[i] / alpha));
                }

                break;
            default: // Elu, Selu
                T scale = function == ActivationFunction.Selu ? beta : T.One;
                for (int i = 0; i < input.Length; i++)
                {
                    output[i] = scale * (input[i] > T.Zero ? input[i] : alpha * PreciseExponentials.ExpM1(input[i]));
                }

                break;
        }
    }
}
