using System.Numerics;
using OnnxStream.Interop.Kernels;

namespace OnnxStream.Interop.Operators;

/// <summary>Running sums along an axis. https://onnx.ai/onnx/operators/onnx__CumSum.html (opsets 11 and 14: only types were added).</summary>
/// <remarks>The axis is an input of one integer. Sums of floating-point numbers are made in double precision.</remarks>
internal sealed class CumSum : Operator
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
        Factory factory = new(context.InputShape(0), Axis(context), context.Attributes.Int("exclusive", 0) != 0, context.Attributes.Int("reverse", 0) != 0);
        context.Emit(
            NumericKernels.Create(context.InputElementType(0), factory) ?? throw context.Unsupported($"element type {context.InputElementType(0).ToOnnxName()}"),
            [context.Input(0)], [context.Output(0)]);
    }

    private static int Axis(NodeContext context)
    {
        return context.Axis(context.RequireInteger(1), context.InputShape(0).Rank);
    }

    private readonly struct Factory(Shape input, int axis, bool isExclusive, bool isReversed) : INumericKernelFactory
    {
        public Kernel Create<T>()
            where T : unmanaged, INumber<T>, IMinMaxValue<T> =>
            T.One / (T.One + T.One) != T.Zero ? Create<T, double>() : Create<T, T>();

        private CumulativeSumKernel<T, TCompute> Create<T, TCompute>()
            where T : unmanaged, INumber<T>
            where TCompute : unmanaged, INumber<TCompute> =>
            new(input.Product(0, axis), input[axis], input.Product(axis + 1, input.Rank), isExclusive, isReversed);
    }
}
