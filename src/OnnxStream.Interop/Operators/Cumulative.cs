using System.Numerics;
using OnnxStream.Interop.Kernels;

namespace OnnxStream.Interop.Operators;

/// <summary>Running sums and products along an axis: https://onnx.ai/onnx/operators/onnx__CumSum.html and https://onnx.ai/onnx/operators/onnx__CumProd.html</summary>
/// <remarks>
/// CumSum came with opset 11 (14 only added types), CumProd with 26. The axis is an input of one integer. Floating-point numbers are
/// added and multiplied in double precision; integers wrap around.
/// </remarks>
internal sealed class Cumulative(bool isProduct) : Operator
{
    /// <inheritdoc/>
    public override void Infer(InferenceContext context)
    {
        _ = Axis(context);
        context.SetOutput(0, context.InputElementType(0), context.InputShape(0));
    }

    /// <inheritdoc/>
    public override void Lower(LoweringContext context)
    {
        Factory factory = new(context.InputShape(0), Axis(context), isProduct, context.Attributes.Int("exclusive", 0) != 0, context.Attributes.Int("reverse", 0) != 0);
        context.Emit(
            NumericKernels.Create(context.InputElementType(0), factory) ?? throw context.Unsupported($"element type {context.InputElementType(0).ToOnnxName()}"),
            [context.Input(0)], [context.Output(0)]);
    }

    private static int Axis(NodeContext context) => context.Axis(context.RequireInteger(1), context.InputShape(0).Rank);

    private readonly struct Factory(Shape input, int axis, bool isProduct, bool isExclusive, bool isReversed) : INumericKernelFactory
    {
        public Kernel Create<T>()
            where T : unmanaged, INumber<T>, IMinMaxValue<T> =>
            T.One / (T.One + T.One) != T.Zero ? Create<T, double>() : Create<T, T>();

        private Kernel Create<T, TCompute>()
            where T : unmanaged, INumber<T>
            where TCompute : unmanaged, INumber<TCompute> =>
            isProduct ? Create<T, TCompute, MultiplyFunction<TCompute>>(TCompute.One) : Create<T, TCompute, AddFunction<TCompute>>(TCompute.Zero);

        private CumulativeKernel<T, TCompute, TFunction> Create<T, TCompute, TFunction>(TCompute empty)
            where T : unmanaged, INumber<T>
            where TCompute : unmanaged, INumber<TCompute>
            where TFunction : IBinaryFunction<TCompute, TCompute> =>
            new(input.Product(0, axis), input[axis], input.Product(axis + 1, input.Rank), empty, isExclusive, isReversed);
    }
}
