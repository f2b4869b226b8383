using System.Numerics;
using System.Runtime.CompilerServices;
using OnnxStream.Interop.Kernels;
using OnnxStream.Interop.Steps;

namespace OnnxStream.Interop.Operators;

/// <summary>Multiplies negative elements by a slope. https://onnx.ai/onnx/operators/onnx__PRelu.html</summary>
/// <remarks>Opset 7 brought broadcasting of the slope; before, a vector had one number for each channel. 9 added integers.</remarks>
internal sealed class PRelu : Operator
{
    /// <inheritdoc/>
    public override void Infer(InferenceContext context)
    {
        Shape input = context.InputShape(0);
        if (context.InputElementType(0) != context.InputElementType(1) || context.Broadcast(input, Slope(context)) != input)
        {
            throw context.Invalid("the slope must have the input's element type and be broadcast to its shape");
        }

        context.SetOutput(0, context.InputElementType(0), input);
    }

    /// <inheritdoc/>
    public override void Lower(LoweringContext context)
    {
        PlanTensor input = context.Input(0);
        PlanTensor output = context.Output(0);
        Shape slope = Slope(context);

        // XNNPACK's kernels for AVX take -0 for a negative number, which a slope that is not finite makes NaN.
        Kernel kernel = NumericKernels.Create(input.ElementType, new Factory(input.Shape, slope)) ?? throw context.Unsupported($"element type {input.ElementType.ToOnnxName()}");
        context.Emit(kernel, [input, context.Input(1)], [output]);
    }

    private static Shape Slope(NodeContext context)
    {
        Shape slope = context.InputShape(1);
        int rank = context.InputShape(0).Rank;
        return context.OperatorSet < 7 && slope.Rank == 1 && slope[0] != 1 && rank > 2 ? new Shape([slope[0], .. Enumerable.Repeat(1L, rank - 2)]) : slope;
    }

    private readonly struct Factory(Shape input, Shape slope) : INumericKernelFactory
    {
        public Kernel Create<T>()
            where T : unmanaged, INumber<T>, IMinMaxValue<T> => new BinaryKernel<T, T, Function<T>>(input, input, slope);
    }

    private readonly struct Function<T> : IBinaryFunction<T, T>
        where T : unmanaged, INumber<T>
    {
        public static bool IsVectorized => true;

        public static T Invoke(T left, T right) => left < T.Zero ? left * right : left;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static Vector<T> Invoke(Vector<T> left, Vector<T> right) => Vector.ConditionalSelect(Vector.LessThan(left, Vector<T>.Zero), left * right, left);
    }
}
