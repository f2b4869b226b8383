using System.Numerics;
using System.Runtime.CompilerServices;
using OnnxStream.Interop.Graphs;
using OnnxStream.Interop.Kernels;
using OnnxStream.Interop.Steps;

namespace OnnxStream.Interop.Operators;

/// <summary>Neg, Abs, Sign of any numbers: https://onnx.ai/onnx/operators/onnx__Abs.html and its siblings.</summary>
/// <remarks>Opset 13 only added types. The smallest integer has no opposite and stays as it is. The sign of NaN is NaN.</remarks>
internal sealed class UnaryArithmetic(UnaryArithmeticFunction function) : Operator
{
    /// <inheritdoc/>
    public override bool TakesHalf(Node node) => true;

    /// <inheritdoc/>
    public override void Infer(InferenceContext context) => context.SetOutput(0, context.InputElementType(0), context.InputShape(0));

    /// <inheritdoc/>
    public override void Lower(LoweringContext context)
    {
        PlanTensor input = context.Input(0);
        Kernel kernel = input.ElementType == ElementType.Float16 ? CreateHalf(input.Shape) : NumericKernels.Create(input.ElementType, new Factory(function, input.Shape)) ?? throw context.Unsupported($"element type {input.ElementType.ToOnnxName()}");
        context.Emit(kernel, [input], [context.Output(0)]);
    }

    // Signs are bits. That of a number that is none is found in single precision.
    private Kernel CreateHalf(Shape shape) => function switch
    {
        UnaryArithmeticFunction.Neg => new UnaryKernel<ushort, ushort, VectorizedFunction<ushort, HalfNegFunction>>(shape, default),
        UnaryArithmeticFunction.Abs => new UnaryKernel<ushort, ushort, VectorizedFunction<ushort, HalfAbsFunction>>(shape, default),
        _ => new UnaryKernel<Half, Half, HalfFunction<VectorizedFunction<float, SignFunction<float>>>>(shape, default),
    };

    private readonly struct Factory(UnaryArithmeticFunction function, Shape shape) : INumericKernelFactory
    {
        public Kernel Create<T>()
            where T : unmanaged, INumber<T>, IMinMaxValue<T> => function switch
            {
                UnaryArithmeticFunction.Neg => new UnaryKernel<T, T, VectorizedFunction<T, NegFunction<T>>>(shape, default),
                UnaryArithmeticFunction.Abs => new UnaryKernel<T, T, VectorizedFunction<T, AbsFunction<T>>>(shape, default),
                _ => new UnaryKernel<T, T, VectorizedFunction<T, SignFunction<T>>>(shape, default),
            };
    }

    private readonly struct NegFunction<T> : IVectorizedFunction<T>
        where T : unmanaged, INumber<T>
    {
        public static T Invoke(T x) => -x;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static Vector<T> Invoke(Vector<T> x) => -x;
    }

    private readonly struct AbsFunction<T> : IVectorizedFunction<T>
        where T : unmanaged, INumber<T>
    {
        // The least integer has no opposite, and stays. NaN may be negative.
        public static T Invoke(T x) => T.IsNegative(x) ? -x : x;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static Vector<T> Invoke(Vector<T> x) =>
            typeof(T) == typeof(float) || typeof(T) == typeof(double) ? Vector.Abs(x) : Vector.ConditionalSelect(Vector.LessThan(x, Vector<T>.Zero), -x, x);
    }

    private readonly struct HalfNegFunction : IVectorizedFunction<ushort>
    {
        private const ushort Sign = 0x8000;

        public static ushort Invoke(ushort x) => (ushort)(x ^ Sign);

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static Vector<ushort> Invoke(Vector<ushort> x) => x ^ new Vector<ushort>(Sign);
    }

    private readonly struct HalfAbsFunction : IVectorizedFunction<ushort>
    {
        private const ushort Size = 0x7fff;

        public static ushort Invoke(ushort x) => (ushort)(x & Size);

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static Vector<ushort> Invoke(Vector<ushort> x) => x & new Vector<ushort>(Size);
    }

    private readonly struct SignFunction<T> : IVectorizedFunction<T>
        where T : unmanaged, INumber<T>
    {
        public static T Invoke(T x) => x > T.Zero ? T.One : x < T.Zero ? -T.One : T.IsNaN(x) ? x : T.Zero;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static Vector<T> Invoke(Vector<T> x)
        {
            Vector<T> positive = Vector.GreaterThan(x, Vector<T>.Zero) & Vector<T>.One;
            Vector<T> negative = Vector.LessThan(x, Vector<T>.Zero) & (Vector<T>.Zero - Vector<T>.One);
            return Vector.ConditionalSelect(Vector.Equals(x, x), positive | negative, x);
        }
    }
}

/// <summary>The functions of <see cref="UnaryArithmetic"/>.</summary>
internal enum UnaryArithmeticFunction
{
    Neg,
    Abs,
    Sign,
}
