using System.Numerics;
using System.Runtime.CompilerServices;
using OnnxStream.Interop.Kernels;
using OnnxStream.Interop.Steps;

namespace OnnxStream.Interop.Operators;

/// <summary>The opposite of truth values. https://onnx.ai/onnx/operators/onnx__Not.html (opset 1).</summary>
internal sealed class Not : Operator
{
    /// <inheritdoc/>
    public override void Infer(InferenceContext context)
    {
        if (context.InputElementType(0) != ElementType.Bool)
        {
            throw context.Invalid("the input must be bool");
        }

        context.SetOutput(0, ElementType.Bool, context.InputShape(0));
    }

    /// <inheritdoc/>
    public override void Lower(LoweringContext context)
    {
        PlanTensor input = context.Input(0);
        context.Emit(new UnaryKernel<byte, byte, VectorizedFunction<byte, NotFunction>>(input.Shape, default), [input], [context.Output(0)]);
    }

    private readonly struct NotFunction : IVectorizedFunction<byte>
    {
        public static byte Invoke(byte x) => x == 0 ? (byte)1 : (byte)0;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static Vector<byte> Invoke(Vector<byte> x) => Vector.Equals(x, Vector<byte>.Zero) & Vector<byte>.One;
    }
}
