using System.Numerics;
using System.Numerics.Tensors;
using OnnxStream.Interop.Bindings;
using OnnxStream.Interop.Kernels;
using OnnxStream.Interop.Kernels.Managed;
using OnnxStream.Interop.Kernels.Xnnpack;
using OnnxStream.Interop.Planning;

namespace OnnxStream.Interop.Operators;

/// <summary>Activations with parameters: Relu, LeakyRelu, Elu, Selu, Celu, Gelu, HardSigmoid, Shrink, Swish, ThresholdedRelu. https://onnx.ai/onnx/operators/</summary>
/// <remarks>
/// Opset 14 added signed integers to Relu; Celu came with 12, Gelu with 20, Swish with 24. Single precision is XNNPACK's where
/// it has the function, half and double precision are managed.
/// </remarks>
internal sealed class Activation(ActivationFunction function) : Operator
{
    private readonly record struct ActivationAttributes(float Alpha, float Beta, bool IsApproximate)
    {
        public static ActivationAttributes Parse(NodeContext context, ActivationFunction function)
        {
            Graphs.Attributes attributes = context.Attributes;
            switch (function)
            {
                case ActivationFunction.LeakyRelu:
                    return new(attributes.Float("alpha", 0.01f), 0, false);
                case ActivationFunction.Elu or ActivationFunction.Celu or ActivationFunction.ThresholdedRelu or ActivationFunction.Swish:
                    return new(attributes.Float("alpha", 1), 0, false);
                case ActivationFunction.Selu:
                    return new(attributes.Float("alpha", 1.67326319217681884765625f), attributes.Float("gamma", 1.05070102214813232421875f), false);
                case ActivationFunction.HardSigmoid:
                    return new(attributes.Float("alpha", 0.2f), attributes.Float("beta", 0.5f), false);
                case ActivationFunction.Shrink:
                    return new(attributes.Float("lambd", 0.5f), attributes.Float("bias", 0), false);
                case ActivationFunction.Gelu:
                    string approximate = attributes.String("approximate", "none");
                    return approximate is "none" or "tanh" ? new(0, 0, approximate == "tanh") : throw context.Invalid($"approximate is '{approximate}', it must be 'none' or 'tanh'");
                default:
                    return default;
            }
        }
    }

    /// <inheritdoc/>
    public override bool CanOverwriteInput => true;

    /// <inheritdoc/>
    public override void Infer(InferenceContext context)
    {
        ElementType type = context.InputElementType(0);
        bool takesIntegers = function is ActivationFunction.Relu or ActivationFunction.Shrink;
        if (!type.IsFloat() && !(takesIntegers && type.IsInteger()))
        {
            throw context.Invalid("the input must be a floating-point tensor");
        }

        _ = ActivationAttributes.Parse(context, function);
        context.SetOutput(0, type, context.InputShape(0));
    }

    /// <inheritdoc/>
    public override void Lower(LoweringContext context)
    {
        PlanTensor input = context.Input(0);
        ActivationAttributes attributes = ActivationAttributes.Parse(context, function);
        context.Emit(
            CreateXnnpack(input, attributes, context) ?? CreateManaged(input, attributes) ?? throw context.Unsupported($"element type {input.ElementType.ToOnnxName()}"),
            [input], [context.Output(0)]);
    }

    private XnnUnary? CreateXnnpack(PlanTensor input, ActivationAttributes attributes, LoweringContext context)
    {
        if (input.ElementType != ElementType.Float32 || input.ElementCount == 0)
        {
            return null;
        }

        (xnn_unary_operator Type, xnn_unary_params? Parameters)? choice = function switch
        {
            ActivationFunction.Relu => (xnn_unary_operator.xnn_unary_clamp, new xnn_unary_params { clamp = new() { min = 0, max = float.PositiveInfinity } }),
            ActivationFunction.LeakyRelu when float.IsNormal(attributes.Alpha) => (xnn_unary_operator.xnn_unary_leaky_relu, new xnn_unary_params { leaky_relu = new() { negative_slope = attributes.Alpha } }),
            ActivationFunction.Elu when float.IsNormal(attributes.Alpha) && attributes.Alpha > 0 => (xnn_unary_operator.xnn_unary_elu, new xnn_unary_params { elu = new() { alpha = attributes.Alpha } }),
            ActivationFunction.Gelu when !attributes.IsApproximate => (xnn_unary_operator.xnn_unary_gelu, null),
            _ => null,
        };
        return choice is { } found ? new XnnUnary(found.Type, input.ElementCount, context.Workers, found.Parameters) : null;
    }

    private Kernel? CreateManaged(PlanTensor input, ActivationAttributes attributes) => input.ElementType switch
    {
        ElementType.Float32 => new UnaryKernel<float, float, Function<float>>(input.Shape, new(function, attributes)),
        ElementType.Float64 => new UnaryKernel<double, double, Function<double>>(input.Shape, new(function, attributes)),
        ElementType.Float16 => new UnaryKernel<Half, Half, HalfFunction<Function<float>>>(input.Shape, new(new(function, attributes))),
        _ => NumericKernels.Create(input.ElementType, new IntegerFactory(function, attributes, input.Shape)),
    };

    private readonly struct IntegerFactory(ActivationFunction function, ActivationAttributes attributes, Shape shape) : INumericKernelFactory
    {
        public Kernel Create<T>()
            where T : unmanaged, INumber<T>, IMinMaxValue<T> => new UnaryKernel<T, T, IntegerFunction<T>>(shape, new(function, attributes));
    }

    private readonly struct IntegerFunction<T>(ActivationFunction function, ActivationAttributes attributes) : IUnaryFunction<T, T>
        where T : unmanaged, INumber<T>, IMinMaxValue<T>
    {
        public void Invoke(ReadOnlySpan<T> input, Span<T> output)
        {
            if (function == ActivationFunction.Relu)
            {
                TensorPrimitives.Max(input, T.Zero, output);
                return;
            }

            // Shrink compares and shifts as reals and truncates.
            (double threshold, double bias) = (attributes.Alpha, attributes.Beta);
            for (int i = 0; i < input.Length; i++)
            {
                double x = double.CreateTruncating(input[i]);
                output[i] = T.CreateTruncating(x < -threshold ? x + bias : x > threshold ? x - bias : 0);
            }
        }
    }

    private readonly struct Function<T>(ActivationFunction function, ActivationAttributes attributes) : IUnaryFunction<T, T>
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        private const int Chunk = 512;

        public void Invoke(ReadOnlySpan<T> input, Span<T> output)
        {
            T alpha = T.CreateTruncating(attributes.Alpha);
            T beta = T.CreateTruncating(attributes.Beta);
            switch (function)
            {
                case ActivationFunction.Relu:
                    TensorPrimitives.Max(input, T.Zero, output);
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

        private void InvokeChunk(ReadOnlySpan<T> input, Span<T> output, Span<T> scratch, T alpha, T beta)
        {
            switch (function)
            {
                case ActivationFunction.Swish:
                    TensorPrimitives.Multiply(input, alpha, scratch);
                    TensorPrimitives.Sigmoid(scratch, scratch);
                    TensorPrimitives.Multiply(input, scratch, output);
                    break;
                case ActivationFunction.Gelu when attributes.IsApproximate:
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
                    TensorPrimitives.Divide(input, alpha, scratch);
                    TensorPrimitives.ExpM1(scratch, scratch);
                    for (int i = 0; i < input.Length; i++)
                    {
                        output[i] = T.Max(T.Zero, input[i]) + T.Min(T.Zero, alpha * scratch[i]);
                    }

                    break;
                default: // Elu, Selu
                    TensorPrimitives.ExpM1(input, scratch);
                    T scale = function == ActivationFunction.Selu ? beta : T.One;
                    for (int i = 0; i < input.Length; i++)
                    {
                        output[i] = scale * (input[i] > T.Zero ? input[i] : alpha * scratch[i]);
                    }

                    break;
            }
        }
    }
}

/// <summary>The functions of <see cref="Activation"/>.</summary>
internal enum ActivationFunction
{
    Relu,
    LeakyRelu,
    Elu,
    Selu,
    Celu,
    ThresholdedRelu,
    HardSigmoid,
    Gelu,
    Swish,
    Shrink,
}
