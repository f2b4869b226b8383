using System.Numerics;
using OnnxStream.Interop.Graphs;
using OnnxStream.Interop.Kernels;
using OnnxStream.Interop.Steps;

namespace OnnxStream.Interop.Operators;

/// <summary>Activations with parameters: Relu, LeakyRelu, Elu, Selu, Celu, Gelu, HardSigmoid, Shrink, Swish, ThresholdedRelu. https://onnx.ai/onnx/operators/</summary>
/// <remarks>
/// Opset 14 added signed integers to Relu; Celu came with 12 (28 only added types), Gelu with 20, Swish with 24. XNNPACK's kernels take denormals for
/// zero, so none of them is used.
/// </remarks>
internal sealed class Activation(ActivationFunction function) : Operator
{
    /// <inheritdoc/>
    public override bool CanOverwriteInput => true;

    /// <inheritdoc/>
    public override bool TakesHalf(Node node) => true;

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
            CreateManaged(input, parameters) ?? throw context.Unsupported($"element type {input.ElementType.ToOnnxName()}"),
            [input], [context.Output(0)]);
    }

    private Kernel? CreateManaged(PlanTensor input, ActivationParameters parameters) => input.ElementType switch
    {
        ElementType.Float32 => new UnaryKernel<float, float, ParametricActivation<float>>(input.Shape, new(function, parameters)),
        ElementType.Float64 => new UnaryKernel<double, double, ParametricActivation<double>>(input.Shape, new(function, parameters)),
        ElementType.Float16 when function == ActivationFunction.Relu => new UnaryKernel<Half, Half, HalfRelu>(input.Shape, default),
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
