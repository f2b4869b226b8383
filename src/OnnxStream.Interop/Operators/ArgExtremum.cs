using System.Numerics;
using OnnxStream.Interop.Kernels;

namespace OnnxStream.Interop.Operators;

/// <summary>ArgMax and ArgMin: the index of the largest or smallest element along an axis. https://onnx.ai/onnx/operators/onnx__ArgMax.html</summary>
/// <remarks>Opset 12 brought <c>select_last_index</c>. All number types.</remarks>
internal sealed class ArgExtremum(bool isMinimum) : Operator
{
    /// <inheritdoc/>
    public override void Infer(InferenceContext context)
    {
        Shape input = context.InputShape(0);
        int axis = Axis(context);
        if (input[axis] == 0)
        {
            throw context.Invalid($"dimension {axis} has no elements to choose from");
        }

        long[] shape = context.Attributes.Int("keepdims", 1) != 0
            ? input.With(axis, 1).ToArray()
            : [.. input.Dimensions[..axis], .. input.Dimensions[(axis + 1)..]];
        context.SetOutput(0, ElementType.Int64, new Shape(shape));
    }

    /// <inheritdoc/>
    public override void Lower(LoweringContext context)
    {
        Factory factory = new(context.InputShape(0), Axis(context), isMinimum, context.Attributes.Int("select_last_index", 0) != 0);
        context.Emit(
            NumericKernels.Create(context.InputElementType(0), factory) ?? throw context.Unsupported($"element type {context.InputElementType(0).ToOnnxName()}"),
            [context.Input(0)], [context.Output(0)]);
    }

    private static int Axis(NodeContext context) => context.Axis(context.Attributes.Int("axis", 0), context.InputShape(0).Rank);

    private readonly struct Factory(Shape input, int axis, bool isMinimum, bool takesLast) : INumericKernelFactory
    {
        public Kernel Create<T>()
            where T : unmanaged, INumber<T>, IMinMaxValue<T> =>
            new ArgExtremumKernel<T>(input.Product(0, axis), input[axis], input.Product(axis + 1, input.Rank), isMinimum, takesLast);
    }
}
