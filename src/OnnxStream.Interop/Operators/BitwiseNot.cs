using System.Numerics;
using System.Runtime.CompilerServices;
using OnnxStream.Interop.Kernels;
using OnnxStream.Interop.Steps;

namespace OnnxStream.Interop.Operators;

/// <summary>Turns every bit of integers around. https://onnx.ai/onnx/operators/onnx__BitwiseNot.html (opset 18).</summary>
internal sealed class BitwiseNot : Operator
{
    /// <inheritdoc/>
    public override void Infer(InferenceContext context)
    {
        if (!context.InputElementType(0).IsInteger())
        {
            throw context.Invalid("the input must be an integer tensor");
        }

        context.SetOutput(0, context.InputElementType(0), context.InputShape(0));
    }

    /// <inheritdoc/>
    public override void Lower(LoweringContext context)
    {
        PlanTensor input = context.Input(0);

        // Bytes, whatever the type.
        Shape bytes = new(input.Type.ByteLength);
        context.Emit(new UnaryKernel<byte, byte, VectorizedFunction<byte, NotFunction>>(bytes, default), [input], [context.Output(0)]);
    }

    private readonly struct NotFunction : IVectorizedFunction<byte>
    {
        public static byte Invoke(byte x) => (byte)~x;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static Vector<byte> Invoke(Vector<byte> x) => ~x;
    }
}
