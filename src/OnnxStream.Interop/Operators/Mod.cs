using System.Numerics;
using System.Runtime.CompilerServices;
using OnnxStream.Interop.Kernels;
using OnnxStream.Interop.Steps;

namespace OnnxStream.Interop.Operators;

/// <summary>The remainder of a division. https://onnx.ai/onnx/operators/onnx__Mod.html (opset 13 only added types, 28 reals without <c>fmod</c>).</summary>
/// <remarks>
/// The sign is the divisor's, also that of 0, or with <c>fmod</c> the dividend's; before opset 28, reals need <c>fmod</c>. An integer
/// remainder of a division by 0, which ONNX leaves open, is 0.
/// </remarks>
internal sealed class Mod : Operator
{
    /// <inheritdoc/>
    public override void Infer(InferenceContext context)
    {
        if (context.InputElementType(0) != context.InputElementType(1))
        {
            throw context.Invalid("both inputs must have the same element type");
        }

        if (context.Attributes.Int("fmod", 0) is not (0 or 1) and var fmod)
        {
            throw context.Invalid($"fmod is {fmod}, it must be 0 or 1");
        }

        if (context.Attributes.Int("fmod", 0) == 0 && context.OperatorSet < 28 && context.InputElementType(0).IsFloat())
        {
            throw context.Invalid("floating-point tensors need fmod = 1 before operator set 28");
        }

        context.SetOutput(0, context.InputElementType(0), context.Broadcast(context.InputShape(0), context.InputShape(1)));
    }

    /// <inheritdoc/>
    public override void Lower(LoweringContext context)
    {
        PlanTensor left = context.Input(0);
        PlanTensor right = context.Input(1);
        PlanTensor output = context.Output(0);
        Kernel kernel = NumericKernels.Create(left.ElementType, new Factory(context.Attributes.Int("fmod", 0) == 1, output.Shape, left.Shape, right.Shape)) ??
            throw context.Unsupported($"element type {left.ElementType.ToOnnxName()}");
        context.Emit(kernel, [left, right], [output]);
    }

    private readonly struct Factory(bool truncated, Shape output, Shape left, Shape right) : INumericKernelFactory
    {
        public Kernel Create<T>()
            where T : unmanaged, INumber<T>, IMinMaxValue<T> => truncated
                ? new BinaryKernel<T, T, TruncatedRemainderFunction<T>>(output, left, right)
                : new BinaryKernel<T, T, FlooredRemainderFunction<T>>(output, left, right);
    }

    private readonly struct TruncatedRemainderFunction<T> : IBinaryFunction<T, T>
        where T : unmanaged, INumber<T>
    {
        // The smallest integer modulo -1 is 0, but processors trap on it.
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static T Invoke(T left, T right) =>
            T.IsInteger(T.One / (T.One + T.One)) && (T.IsZero(right) || (T.IsNegative(right) && right + T.One == T.Zero)) ? T.Zero : left % right;

        public static bool IsVectorized => (typeof(T) == typeof(float) && Vector.IsHardwareAccelerated) || IntegerDivision.Supports<T>();

        // A quotient below 2^22 is rounded to a whole number that is right or one too large: the remainder of that is exact, and so is what brings it back.
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static Vector<T> Invoke(Vector<T> left, Vector<T> right)
        {
            if (typeof(T) != typeof(float))
            {
                return Vector.AndNot(left - IntegerDivision.Divide(left, right) * right, Vector.Equals(right, Vector<T>.Zero));
            }

            Vector<float> dividend = Vector.As<T, float>(left);
            Vector<float> divisor = Vector.Abs(Vector.As<T, float>(right));
            Vector<float> size = Vector.Abs(dividend);
            Vector<float> quotient = size / divisor;
            if (!Vector.LessThanAll(quotient, new Vector<float>(1 << 22)) || !Vector.LessThanAll(divisor, new Vector<float>(float.PositiveInfinity)))
            {
                return EachOne(left, right);
            }

            Vector<float> remainder = Vector.FusedMultiplyAdd(-Vector.Floor(quotient), divisor, size);
            remainder += Vector.AsVectorSingle(Vector.LessThan(remainder, Vector<float>.Zero)) & divisor;
            return Vector.As<float, T>(Vector.ConditionalSelect(Vector.AsVectorSingle(new Vector<int>(int.MinValue)), dividend, remainder));
        }

        private static Vector<T> EachOne(Vector<T> left, Vector<T> right)
        {
            Span<T> results = stackalloc T[Vector<T>.Count];
            for (int i = 0; i < results.Length; i++)
            {
                results[i] = left[i] % right[i];
            }

            return new Vector<T>(results);
        }
    }

    private readonly struct FlooredRemainderFunction<T> : IBinaryFunction<T, T>
        where T : unmanaged, INumber<T>, IMinMaxValue<T>
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static T Invoke(T left, T right)
        {
            T remainder = TruncatedRemainderFunction<T>.Invoke(left, right);
            return T.IsZero(remainder) ? T.CopySign(T.Zero, right) : T.IsNegative(remainder) != T.IsNegative(right) ? remainder + right : remainder;
        }

        public static bool IsVectorized => IntegerDivision.Supports<T>();

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static Vector<T> Invoke(Vector<T> left, Vector<T> right)
        {
            Vector<T> remainder = TruncatedRemainderFunction<T>.Invoke(left, right);
            if (T.IsZero(T.MinValue))
            {
                return remainder;
            }

            // Of other signs, and not 0.
            Vector<T> differs = Vector.LessThan(remainder ^ right, Vector<T>.Zero);
            return remainder + (right & Vector.AndNot(differs, Vector.Equals(remainder, Vector<T>.Zero)));
        }
    }
}
