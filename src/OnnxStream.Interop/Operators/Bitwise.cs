using System.Numerics;
using System.Runtime.CompilerServices;
using OnnxStream.Interop.Kernels;
using OnnxStream.Interop.Steps;

namespace OnnxStream.Interop.Operators;

/// <summary>BitwiseAnd, BitwiseOr, BitwiseXor, BitShift of integers: https://onnx.ai/onnx/operators/onnx__BitwiseAnd.html and its siblings.</summary>
/// <remarks>Bits have no sign, so elements are taken as unsigned. Shifting by as many bits as there are gives 0, which ONNX leaves open.</remarks>
internal sealed class Bitwise(BitwiseFunction function) : Operator
{
    /// <inheritdoc/>
    public override void Infer(InferenceContext context)
    {
        ElementType type = context.InputElementType(0);
        bool isShift = function == BitwiseFunction.Shift;
        if (type != context.InputElementType(1) || !type.IsInteger() ||
            (isShift && type is not (ElementType.UInt8 or ElementType.UInt16 or ElementType.UInt32 or ElementType.UInt64)))
        {
            throw context.Invalid($"both inputs must have the same {(isShift ? "unsigned " : "")}integer type");
        }

        if (isShift && context.Attributes.String("direction", "") is not ("LEFT" or "RIGHT"))
        {
            throw context.Invalid("attribute 'direction' must be LEFT or RIGHT");
        }

        context.SetOutput(0, type, context.Broadcast(context.InputShape(0), context.InputShape(1)));
    }

    /// <inheritdoc/>
    public override void Lower(LoweringContext context)
    {
        PlanTensor left = context.Input(0);
        PlanTensor right = context.Input(1);
        PlanTensor output = context.Output(0);
        bool isLeft = context.Attributes.String("direction", "") == "LEFT";
        Kernel kernel = output.ElementType.SizeOf() switch
        {
            1 => Create<byte>(isLeft, output.Shape, left.Shape, right.Shape),
            2 => Create<ushort>(isLeft, output.Shape, left.Shape, right.Shape),
            4 => Create<uint>(isLeft, output.Shape, left.Shape, right.Shape),
            _ => Create<ulong>(isLeft, output.Shape, left.Shape, right.Shape),
        };
        context.Emit(kernel, [left, right], [output]);
    }

    private Kernel Create<T>(bool isLeft, Shape output, Shape left, Shape right)
        where T : unmanaged, IBinaryInteger<T> => function switch
        {
            BitwiseFunction.And => new BinaryKernel<T, T, AndFunction<T>>(output, left, right),
            BitwiseFunction.Or => new BinaryKernel<T, T, OrFunction<T>>(output, left, right),
            BitwiseFunction.Xor => new BinaryKernel<T, T, XorFunction<T>>(output, left, right),
            _ => isLeft ? new BinaryKernel<T, T, ShiftLeftFunction<T>>(output, left, right) : new BinaryKernel<T, T, ShiftRightFunction<T>>(output, left, right),
        };

    private readonly struct AndFunction<T> : IBinaryFunction<T, T>
        where T : unmanaged, IBinaryInteger<T>
    {
        public static bool IsVectorized => true;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static T Invoke(T left, T right) => left & right;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static Vector<T> Invoke(Vector<T> left, Vector<T> right) => left & right;
    }

    private readonly struct OrFunction<T> : IBinaryFunction<T, T>
        where T : unmanaged, IBinaryInteger<T>
    {
        public static bool IsVectorized => true;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static T Invoke(T left, T right) => left | right;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static Vector<T> Invoke(Vector<T> left, Vector<T> right) => left | right;
    }

    private readonly struct XorFunction<T> : IBinaryFunction<T, T>
        where T : unmanaged, IBinaryInteger<T>
    {
        public static bool IsVectorized => true;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static T Invoke(T left, T right) => left ^ right;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static Vector<T> Invoke(Vector<T> left, Vector<T> right) => left ^ right;
    }

    private readonly unsafe struct ShiftLeftFunction<T> : IBinaryFunction<T, T>
        where T : unmanaged, IBinaryInteger<T>
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static T Invoke(T left, T right) => right < T.CreateTruncating(8 * sizeof(T)) ? left << int.CreateTruncating(right) : T.Zero;

        public static bool IsVectorized => true;

        // By powers of two, for each bit of the distance.
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static Vector<T> Invoke(Vector<T> left, Vector<T> right)
        {
            for (int distance = 1; distance < 8 * sizeof(T); distance *= 2)
            {
                Vector<T> bit = new(T.CreateTruncating(distance));
                left = Vector.ConditionalSelect(Vector.Equals(right & bit, Vector<T>.Zero), left, left << distance);
            }

            return Vector.ConditionalSelect(Vector.LessThan(right, new Vector<T>(T.CreateTruncating(8 * sizeof(T)))), left, Vector<T>.Zero);
        }
    }

    private readonly unsafe struct ShiftRightFunction<T> : IBinaryFunction<T, T>
        where T : unmanaged, IBinaryInteger<T>
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static T Invoke(T left, T right) => right < T.CreateTruncating(8 * sizeof(T)) ? left >> int.CreateTruncating(right) : T.Zero;

        public static bool IsVectorized => true;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static Vector<T> Invoke(Vector<T> left, Vector<T> right)
        {
            for (int distance = 1; distance < 8 * sizeof(T); distance *= 2)
            {
                Vector<T> bit = new(T.CreateTruncating(distance));
                left = Vector.ConditionalSelect(Vector.Equals(right & bit, Vector<T>.Zero), left, left >> distance);
            }

            return Vector.ConditionalSelect(Vector.LessThan(right, new Vector<T>(T.CreateTruncating(8 * sizeof(T)))), left, Vector<T>.Zero);
        }
    }
}

/// <summary>The functions of <see cref="Bitwise"/>.</summary>
internal enum BitwiseFunction
{
    And,
    Or,
    Xor,
    Shift,
}
