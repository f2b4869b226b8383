using System.Numerics;
using System.Runtime.CompilerServices;
using OnnxStream.Interop.Kernels;
using OnnxStream.Interop.Steps;

namespace OnnxStream.Interop.Operators;

/// <summary>Equal, Less, LessOrEqual, Greater, GreaterOrEqual: https://onnx.ai/onnx/operators/onnx__Equal.html and its siblings.</summary>
/// <remarks>
/// Opset 7 brought NumPy's broadcasting, 9 and 11 more types. The result is bool. Nothing is equal to, less or greater than NaN.
/// </remarks>
internal sealed class Comparison(ComparisonFunction function) : Operator
{
    /// <inheritdoc/>
    public override void Infer(InferenceContext context)
    {
        if (context.InputElementType(0) != context.InputElementType(1))
        {
            throw context.Invalid("both inputs must have the same element type");
        }

        context.SetOutput(0, ElementType.Bool, context.Broadcast(context.InputShape(0), BinaryArithmetic.AlignedRight(context)));
    }

    /// <inheritdoc/>
    public override void Lower(LoweringContext context)
    {
        PlanTensor left = context.Input(0);
        PlanTensor right = context.Input(1);
        PlanTensor output = context.Output(0);

        // Equal compares truth values too, which are bytes.
        ElementType type = left.ElementType == ElementType.Bool && function == ComparisonFunction.Equal ? ElementType.UInt8 : left.ElementType;
        Kernel kernel = NumericKernels.Create(type, new Factory(function, output.Shape, left.Shape, BinaryArithmetic.AlignedRight(context))) ??
            throw context.Unsupported($"element type {left.ElementType.ToOnnxName()}");
        context.Emit(kernel, [left, right], [output]);
    }

    private readonly struct Factory(ComparisonFunction function, Shape output, Shape left, Shape right) : INumericKernelFactory
    {
        public Kernel Create<T>()
            where T : unmanaged, INumber<T>, IMinMaxValue<T> => function switch
            {
                ComparisonFunction.Equal => new BinaryKernel<T, bool, EqualFunction<T>>(output, left, right),
                ComparisonFunction.Less => new BinaryKernel<T, bool, LessFunction<T>>(output, left, right),
                ComparisonFunction.LessOrEqual => new BinaryKernel<T, bool, LessOrEqualFunction<T>>(output, left, right),
                ComparisonFunction.Greater => new BinaryKernel<T, bool, GreaterFunction<T>>(output, left, right),
                _ => new BinaryKernel<T, bool, GreaterOrEqualFunction<T>>(output, left, right),
            };
    }

    private readonly struct EqualFunction<T> : IBinaryFunction<T, bool>
        where T : unmanaged, INumber<T>
    {
        public static bool IsVectorized => true;

        public static bool Invoke(T left, T right) => left == right;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static Vector<T> Invoke(Vector<T> left, Vector<T> right) => Vector.Equals(left, right);
    }

    private readonly struct LessFunction<T> : IBinaryFunction<T, bool>
        where T : unmanaged, INumber<T>
    {
        public static bool IsVectorized => true;

        public static bool Invoke(T left, T right) => left < right;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static Vector<T> Invoke(Vector<T> left, Vector<T> right) => Vector.LessThan(left, right);
    }

    private readonly struct LessOrEqualFunction<T> : IBinaryFunction<T, bool>
        where T : unmanaged, INumber<T>
    {
        public static bool IsVectorized => true;

        public static bool Invoke(T left, T right) => left <= right;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static Vector<T> Invoke(Vector<T> left, Vector<T> right) => Vector.LessThanOrEqual(left, right);
    }

    private readonly struct GreaterFunction<T> : IBinaryFunction<T, bool>
        where T : unmanaged, INumber<T>
    {
        public static bool IsVectorized => true;

        public static bool Invoke(T left, T right) => left > right;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static Vector<T> Invoke(Vector<T> left, Vector<T> right) => Vector.GreaterThan(left, right);
    }

    private readonly struct GreaterOrEqualFunction<T> : IBinaryFunction<T, bool>
        where T : unmanaged, INumber<T>
    {
        public static bool IsVectorized => true;

        public static bool Invoke(T left, T right) => left >= right;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static Vector<T> Invoke(Vector<T> left, Vector<T> right) => Vector.GreaterThanOrEqual(left, right);
    }
}

/// <summary>The functions of <see cref="Comparison"/>.</summary>
internal enum ComparisonFunction
{
    Equal,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}
