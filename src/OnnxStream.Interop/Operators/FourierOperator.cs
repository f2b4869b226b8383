using System.Numerics;
using OnnxStream.Interop.Kernels;
using OnnxStream.Interop.Steps;

namespace OnnxStream.Interop.Operators;

/// <summary>DFT: the discrete Fourier transform along an axis. https://onnx.ai/onnx/operators/onnx__DFT.html</summary>
/// <remarks>
/// The axis is an attribute in opset 17 (default 1) and an input since 20 (default -2). A one-sided transform takes real numbers and gives
/// the first half of the spectrum; its inverse takes that half, whose other half is the conjugate, and gives real numbers (IRFFT), by
/// default an even count. Computed in double precision for all types.
/// </remarks>
internal sealed class FourierOperator : Operator
{
    /// <inheritdoc/>
    public override void Infer(InferenceContext context)
    {
        (int axis, _, int kept, bool isHalf) = Geometry(context);
        Shape input = context.InputShape(0);
        context.SetOutput(0, context.InputElementType(0), input.With(axis, kept).With(input.Rank - 1, isHalf ? 1 : 2));
    }

    /// <inheritdoc/>
    public override void Lower(LoweringContext context)
    {
        (int axis, int length, int kept, bool isHalf) = Geometry(context);
        PlanTensor input = context.Input(0);
        Factory factory = new(input.Shape, axis, length, kept, isHalf, context.Attributes.Int("inverse", 0) != 0);
        Kernel? kernel = input.ElementType.IsFloat() ? NumericKernels.Create(input.ElementType, factory) : null;
        context.Emit(kernel ?? throw context.Unsupported($"element type {input.ElementType.ToOnnxName()}"), [input], [context.Output(0)]);
    }

    private static (int Axis, int Length, int Kept, bool IsHalf) Geometry(NodeContext context)
    {
        Shape input = context.InputShape(0);
        if (input.Rank < 2 || input[^1] is not (1 or 2))
        {
            throw context.Invalid("the last dimension of the input must be 1 (real) or 2 (complex)");
        }

        int axis = context.Axis(context.OperatorSet < 20 ? context.Attributes.Int("axis", 1) : context.HasInput(2) ? context.RequireInteger(2) : -2, input.Rank);
        bool isOneSided = context.Attributes.Int("onesided", 0) != 0;
        bool isHalf = isOneSided && context.Attributes.Int("inverse", 0) != 0;
        long length = context.HasInput(1) ? context.RequireInteger(1) : isHalf ? 2 * (input[axis] - 1) : input[axis];
        if (axis == input.Rank - 1 || length is < 1 or > 1 << 28)
        {
            throw context.Invalid($"a transform of length {length} along axis {axis} is impossible");
        }

        if (isOneSided && input[^1] != (isHalf ? 2 : 1))
        {
            throw context.Unsupported(isHalf ? "a one-sided inverse transform of real numbers" : "a one-sided transform of complex numbers");
        }

        return (axis, (int)length, (int)(isOneSided && !isHalf ? length / 2 + 1 : length), isHalf);
    }

    private readonly struct Factory(Shape input, int axis, int length, int kept, bool isHalf, bool isInverse) : INumericKernelFactory
    {
        public Kernel Create<T>()
            where T : unmanaged, INumber<T>, IMinMaxValue<T> => new FourierKernel<T>(input, axis, length, kept, isHalf, isInverse);
    }
}
