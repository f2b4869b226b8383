using System.Numerics;
using OnnxStream.Interop.Bindings;
using OnnxStream.Interop.Graphs;
using OnnxStream.Interop.Kernels;
using OnnxStream.Interop.Steps;

namespace OnnxStream.Interop.Operators;

/// <summary>Activations with parameters: Relu, LeakyRelu, Elu, Selu, Celu, Gelu, HardSigmoid, Shrink, Swish, ThresholdedRelu. https://onnx.ai/onnx/operators/</summary>
/// <remarks>
/// Opset 14 added signed integers to Relu; Celu came with 12, Gelu with 20, Swish with 24. Single precision is XNNPACK's where
/// it has the function, half and double precision are managed.
/// </remarks>
internal sealed class Activation(ActivationFunction function) : Operator
{
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

        _ = Parse(context, function);
        context.SetOutput(0, type, context.InputShape(0));
    }

    /// <inheritdoc/>
    public override void Lower(LoweringContext context)
    {
        PlanTensor input = context.Input(0);
        ActivationParameters parameters = Parse(context, function);
        context.Emit(
            CreateXnnpack(input, parameters, context) ?? CreateManaged(input, parameters) ?? throw context.Unsupported($"element type {input.ElementType.ToOnnxName()}"),
            [input], [context.Output(0)]);
    }

    private XnnUnary? CreateXnnpack(PlanTensor input, ActivationParameters parameters, LoweringContext context)
    {
        if (input.ElementType != ElementType.Float32 || input.ElementCount == 0)
        {
            return null;
        }

        (xnn_unary_operator Type, xnn_unary_params? Parameters)? choice = function switch
        {
            ActivationFunction.Relu => (xnn_unary_operator.xnn_unary_clamp, new xnn_unary_params { clamp = new() { min = 0, max = float.PositiveInfinity } }),
            ActivationFunction.LeakyRelu when float.IsNormal(parameters.Alpha) => (xnn_unary_operator.xnn_unary_leaky_relu, new xnn_unary_params { leaky_relu = new() { negative_slope = parameters.Alpha } }),
            ActivationFunction.Elu when float.IsNormal(parameters.Alpha) && parameters.Alpha > 0 => (xnn_unary_operator.xnn_unary_elu, new xnn_unary_params { elu = new() { alpha = parameters.Alpha } }),
            ActivationFunction.Gelu when !parameters.IsApproximate => (xnn_unary_operator.xnn_unary_gelu, null),
            _ => null,
        };
        return choice is { } found ? new XnnUnary(found.Type, input.ElementCount, context.Workers, found.Parameters) : null;
    }

    private Kernel? CreateManaged(PlanTensor input, ActivationParameters parameters) => input.ElementType switch
    {
        ElementType.Float32 => new UnaryKernel<float, float, ParametricActivation<float>>(input.Shape, new(function, parameters)),
        ElementType.Float64 => new UnaryKernel<double, double, ParametricActivation<double>>(input.Shape, new(function, parameters)),
        ElementType.Float16 => new UnaryKernel<Half, Half, HalfFunction<ParametricActivation<float>>>(input.Shape, new(new(function, parameters))),
        _ => NumericKernels.Create(input.ElementType, new IntegerFactory(function, parameters, input.Shape)),
    };

    private readonly struct IntegerFactory(ActivationFunction function, ActivationParameters parameters, Shape shape) : INumericKernelFactory
    {
        public Kernel Create<T>()
            where T : unmanaged, INumber<T>, IMinMaxValue<T> => new UnaryKernel<T, T, IntegerActivation<T>>(shape, new(function, parameters));
    }

    private static ActivationParameters Parse(NodeContext context, ActivationFunction function)
    {
        Attributes attributes = context.Attributes;
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
