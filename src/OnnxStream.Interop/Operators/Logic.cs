using System.Numerics;
using System.Runtime.CompilerServices;
using OnnxStream.Interop.Kernels;
using OnnxStream.Interop.Steps;

namespace OnnxStream.Interop.Operators;

/// <summary>And, Or, Xor of truth values: https://onnx.ai/onnx/operators/onnx__And.html and its siblings.</summary>
/// <remarks>Opset 7 brought NumPy's broadcasting; before, <c>broadcast</c> and <c>axis</c> aligned the second input.</remarks>
internal sealed class Logic(LogicFunction function) : Operator
{
    /// <inheritdoc/>
    public override void Infer(InferenceContext context)
    {
        if (context.InputElementType(0) != ElementType.Bool || context.InputElementType(1) != ElementType.Bool)
        {
            throw context.Invalid("both inputs must be bool");
        }

        context.SetOutput(0, ElementType.Bool, context.Broadcast(context.InputShape(0), BinaryArithmetic.AlignedRight(context)));
    }

    /// <inheritdoc/>
    public override void Lower(LoweringContext context)
    {
        PlanTensor left = context.Input(0);
        PlanTensor right = context.Input(1);
        PlanTensor output = context.Output(0);
        Shape aligned = BinaryArithmetic.AlignedRight(context);
        Kernel kernel = function switch
        {
            LogicFunction.And => new BinaryKernel<byte, byte, AndFunction>(output.Shape, left.Shape, aligned),
            LogicFunction.Or => new BinaryKernel<byte, byte, OrFunction>(output.Shape, left.Shape, aligned),
            _ => new BinaryKernel<byte, byte, XorFunction>(output.Shape, left.Shape, aligned),
        };
        context.Emit(kernel, [left, right], [output]);
    }

    // Every byte but 0 is true.
    private readonly struct AndFunction : IBinaryFunction<byte, byte>
    {
        public static bool IsVectorized => true;

        public static byte Invoke(byte left, byte right) => left != 0 && right != 0 ? (byte)1 : (byte)0;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static Vector<byte> Invoke(Vector<byte> left, Vector<byte> right) => Vector.Min(Vector.Min(left, right), Vector<byte>.One);
    }

    private readonly struct OrFunction : IBinaryFunction<byte, byte>
    {
        public static bool IsVectorized => true;

        public static byte Invoke(byte left, byte right) => (left | right) != 0 ? (byte)1 : (byte)0;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static Vector<byte> Invoke(Vector<byte> left, Vector<byte> right) => Vector.Min(left | right, Vector<byte>.One);
    }

    private readonly struct XorFunction : IBinaryFunction<byte, byte>
    {
        public static bool IsVectorized => true;

        public static byte Invoke(byte left, byte right) => left == 0 != (right == 0) ? (byte)1 : (byte)0;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static Vector<byte> Invoke(Vector<byte> left, Vector<byte> right) => Vector.Min(left, Vector<byte>.One) ^ Vector.Min(right, Vector<byte>.One);
    }
}

/// <summary>The functions of <see cref="Logic"/>.</summary>
internal enum LogicFunction
{
    And,
    Or,
    Xor,
}
