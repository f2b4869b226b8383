using System.Numerics;
using OnnxStream.Interop.Bindings;
using OnnxStream.Interop.Kernels;
using OnnxStream.Interop.Kernels.Managed;
using OnnxStream.Interop.Planning;

namespace OnnxStream.Interop.Operators;

/// <summary>The first input to the power of the second, element by element. https://onnx.ai/onnx/operators/onnx__Pow.html</summary>
/// <remarks>Opset 7 broadcasts as NumPy does, 12 allows integers and exponents of another type. A constant exponent of 2 is a product with itself.</remarks>
internal sealed class Pow : Operator
{
    /// <inheritdoc/>
    public override void Infer(InferenceContext context) =>
        context.SetOutput(0, context.InputElementType(0), context.Broadcast(context.InputShape(0), context.InputShape(1)));

    /// <inheritdoc/>
    public override void Lower(LoweringContext context)
    {
        PlanTensor input = context.Input(0);
        PlanTensor exponent = context.Input(1);
        PlanTensor output = context.Output(0);
        ElementType type = input.ElementType;
        if (Graphs.Passes.GraphEditor.Scalar(context.Node.Inputs[1]) == 2 && type.IsFloat() && output.Shape == input.Shape)
        {
            BinaryArithmetic.Emit(context, xnn_binary_operator.xnn_binary_multiply, input, input, output);
            return;
        }

        if (exponent.ElementType != type)
        {
            PlanTensor wide = context.Temporary(output.Type with { ElementType = ElementType.Float64 });
            Emit(context, ToDouble(context, input), ToDouble(context, exponent), wide);
            context.Emit(new CastKernel(ElementType.Float64, type, wide.ElementCount), [wide], [output]);
            return;
        }

        Emit(context, input, exponent, output);
    }

    private static PlanTensor ToDouble(LoweringContext context, PlanTensor input)
    {
        PlanTensor wide = context.Temporary(input.Type with { ElementType = ElementType.Float64 });
        context.Emit(new CastKernel(input.ElementType, ElementType.Float64, input.ElementCount), [input], [wide]);
        return wide;
    }

    private static void Emit(LoweringContext context, PlanTensor input, PlanTensor exponent, PlanTensor output) =>
        context.Emit(
            NumericKernels.Create(input.ElementType, new Factory(output.Shape, input.Shape, exponent.Shape)) ?? throw context.Unsupported($"element type {input.ElementType.ToOnnxName()}"),
            [input, exponent], [output]);

    private readonly struct Factory(Shape output, Shape left, Shape right) : INumericKernelFactory
    {
        public Kernel Create<T>()
            where T : unmanaged, INumber<T>, IMinMaxValue<T> => new BinaryKernel<T, T, Power<T>>(output, left, right);
    }

    private readonly struct Power<T> : IBinaryFunction<T, T>
        where T : unmanaged, INumber<T>
    {
        public static T Invoke(T left, T right) =>
            typeof(T) == typeof(float) ? T.CreateTruncating(MathF.Pow(float.CreateTruncating(left), float.CreateTruncating(right))) :
            T.CreateTruncating(Math.Pow(double.CreateTruncating(left), double.CreateTruncating(right)));
    }
}
