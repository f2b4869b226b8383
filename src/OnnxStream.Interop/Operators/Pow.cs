using System.Numerics;
using System.Runtime.CompilerServices;
using OnnxStream.Interop.Bindings;
using OnnxStream.Interop.Kernels;
using OnnxStream.Interop.Steps;

namespace OnnxStream.Interop.Operators;

/// <summary>Raises to a power. https://onnx.ai/onnx/operators/onnx__Pow.html</summary>
/// <remarks>
/// Opset 7 brought NumPy's broadcasting, 12 integers and an exponent of another type than the base's, which is the result's.
/// Integer powers of integers are exact and wrap around; a negative one truncates. The constant exponents 2 and 3 are
/// products, and a single exponent 0.5 is a square root.
/// </remarks>
internal sealed class Pow : Operator
{
    /// <inheritdoc/>
    public override void Infer(InferenceContext context)
    {
        if (!IsNumber(context.InputElementType(0)) || !IsNumber(context.InputElementType(1)))
        {
            throw context.Invalid("both inputs must be numbers");
        }

        context.SetOutput(0, context.InputElementType(0), context.Broadcast(context.InputShape(0), BinaryArithmetic.AlignedRight(context)));
    }

    /// <inheritdoc/>
    public override void Lower(LoweringContext context)
    {
        PlanTensor left = context.Input(0);
        PlanTensor output = context.Output(0);
        float? exponent = context.ConstantInput(1) is { } constant ? constant.TryReadScalar() ?? (constant.TryReadIntegers() is [var whole] ? whole : null) : null;
        if (left.ElementType == ElementType.Float32 && output.Shape == left.Shape && output.ElementCount > 0 && exponent is 2 or 3 or 0.5f)
        {
            if (exponent == 3)
            {
                PlanTensor square = context.Temporary(output.Type);
                context.Emit(new XnnBinary(xnn_binary_operator.xnn_binary_multiply, left.ElementType, left.Shape, left.Shape, context.Workers), [left, left], [square]);
                context.Emit(new XnnBinary(xnn_binary_operator.xnn_binary_multiply, left.ElementType, left.Shape, left.Shape, context.Workers), [square, left], [output]);
                return;
            }

            context.Emit(
                exponent == 2
                    ? new XnnBinary(xnn_binary_operator.xnn_binary_multiply, left.ElementType, left.Shape, left.Shape, context.Workers)
                    : new UnaryKernel<float, float, RootFunction>(left.Shape, default),
                exponent == 2 ? [left, left] : [left], [output]);
            return;
        }

        // Reals are raised in their own type, integers in int64, or in double where the exponent is real.
        ElementType type =
            left.ElementType is ElementType.Float32 or ElementType.Float64 ? left.ElementType :
            left.ElementType.IsFloat() ? ElementType.Float32 :
            context.InputElementType(1).IsFloat() ? ElementType.Float64 : ElementType.Int64;
        Shape right = BinaryArithmetic.AlignedRight(context);
        if (type == ElementType.Int64 && output.ElementType == ElementType.Int64 && output.Shape == left.Shape && context.ConstantInput(1)?.TryReadIntegers() is [>= 0 and var power])
        {
            context.Emit(new UnaryKernel<long, long, WholePowerFunction>(left.Shape, new WholePowerFunction(power)), [left], [output]);
            return;
        }

        Kernel kernel = type switch
        {
            ElementType.Float32 => new BinaryKernel<float, float, PowFunction<float>>(output.Shape, left.Shape, right),
            ElementType.Float64 => new BinaryKernel<double, double, PowFunction<double>>(output.Shape, left.Shape, right),
            _ => new BinaryKernel<long, long, IntegerPowFunction>(output.Shape, left.Shape, right),
        };
        PlanTensor result = type == output.ElementType ? output : context.Temporary(output.Type with { ElementType = type });
        context.Emit(kernel, [Converted(context, left, type), Converted(context, context.Input(1), type)], [result]);
        if (result != output)
        {
            context.Emit(new CastKernel(type, output.ElementType, output.ElementCount), [result], [output]);
        }
    }

    private static bool IsNumber(ElementType type) => type.IsFloat() || type.IsInteger();

    private static PlanTensor Converted(LoweringContext context, PlanTensor tensor, ElementType type)
    {
        if (tensor.ElementType == type)
        {
            return tensor;
        }

        PlanTensor converted = context.Temporary(tensor.Type with { ElementType = type });
        context.Emit(new CastKernel(tensor.ElementType, type, tensor.ElementCount), [tensor], [converted]);
        return converted;
    }

    private readonly struct PowFunction<T> : IBinaryFunction<T, T>
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static T Invoke(T left, T right) => T.Pow(left, right);

        public static bool IsVectorized => typeof(T) == typeof(float) && Vector.IsHardwareAccelerated;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static Vector<T> Invoke(Vector<T> left, Vector<T> right) =>
            VectorPower.TryRaise(Vector.As<T, float>(left), Vector.As<T, float>(right), out Vector<float> power) ? Vector.As<float, T>(power) : EachOne(left, right);

        [MethodImpl(MethodImplOptions.NoInlining)]
        private static Vector<T> EachOne(Vector<T> left, Vector<T> right)
        {
            Span<T> results = stackalloc T[Vector<T>.Count];
            for (int i = 0; i < results.Length; i++)
            {
                results[i] = T.Pow(left[i], right[i]);
            }

            return new Vector<T>(results);
        }
    }

    // The power 0.5 is no square root of -infinity, where it is infinite, and of -0, where it is 0.
    private readonly struct RootFunction : IUnaryFunction<float, float>, IVectorFunction
    {
        public void Invoke(ReadOnlySpan<float> input, Span<float> output) => VectorFunctions.Apply(input, output, this);

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public TVector Invoke<TVector>(TVector x)
            where TVector : unmanaged, IFloatVector<TVector> => TVector.Select(
            TVector.Equal(x, TVector.Create(float.NegativeInfinity)), TVector.Create(float.PositiveInfinity), TVector.Sqrt(x + TVector.Create(0)));
    }

    // One exponent for all elements, not negative.
    private readonly struct WholePowerFunction(long power) : IUnaryFunction<long, long>
    {
        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        public void Invoke(ReadOnlySpan<long> input, Span<long> output)
        {
            int i = 0;
            for (; i <= input.Length - Vector<long>.Count; i += Vector<long>.Count)
            {
                Vector<long> factor = new(input[i..]);
                Vector<long> result = (power & 1) == 0 ? Vector<long>.One : factor;
                for (long rest = power >> 1; rest > 0; rest >>= 1)
                {
                    factor *= factor;
                    result = (rest & 1) == 0 ? result : result * factor;
                }

                result.CopyTo(output[i..]);
            }

            for (; i < input.Length; i++)
            {
                output[i] = IntegerPowFunction.Invoke(input[i], power);
            }
        }
    }

    private readonly struct IntegerPowFunction : IBinaryFunction<long, long>
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static long Invoke(long left, long right)
        {
            if (right < 0)
            {
                return left is 1 or -1 ? (right % 2 == 0 ? 1 : left) : 0;
            }

            long result = 1;
            for (; right > 0; right >>= 1, left *= left)
            {
                result = (right & 1) == 0 ? result : result * left;
            }

            return result;
        }
    }
}
