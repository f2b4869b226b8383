using System.Numerics;
using OnnxStream.Interop.Kernels;
using OnnxStream.Interop.Steps;
using OnnxStream.Interop.Tensors;

namespace OnnxStream.Interop.Operators;

/// <summary>QuantizeLinear and DequantizeLinear. https://onnx.ai/onnx/operators/onnx__QuantizeLinear.html</summary>
/// <remarks>
/// Opset 10 has one scale, 13 one for each position along an axis, 19 half precision, 21 blocks, 16-bit integers and
/// <c>output_dtype</c>, 19, 21, 23 and 25 types of 8 bits and less, 23 <c>precision</c>, 24 scales that are powers of two.
/// Quotients are computed in single precision; <c>precision</c> rounds them to fewer digits, and double precision is not supported.
/// </remarks>
internal sealed class LinearQuantization(bool isInverse) : Operator
{
    // The last dimension of weights that stay quantized though several elements share a byte: halves of a row begin with a byte, too.
    private const int PackedGroup = 8;

    /// <inheritdoc/>
    public override void Infer(InferenceContext context)
    {
        Shape input = context.InputShape(0);
        if (!context.InputElementType(1).IsFloat() && context.InputElementType(1) != ElementType.Float8E8M0 && (isInverse || context.InputElementType(1) != ElementType.Int32))
        {
            throw context.Invalid("the scale must be a floating-point tensor");
        }

        _ = Runs(context);
        ElementType quantized = Quantized(context);
        if (context.HasInput(2) && (context.InputElementType(2) != quantized || context.InputShape(2).ElementCount != context.InputShape(1).ElementCount))
        {
            throw context.Invalid("there must be as many zero points as scales, of the type of the quantized tensor");
        }

        ElementType requested = (ElementType)context.Attributes.Int("output_dtype", 0);
        ElementType real = requested == ElementType.Undefined ? context.InputElementType(1) : requested;
        if (isInverse && !real.IsFloat())
        {
            throw context.Invalid(requested == ElementType.Undefined ? $"a scale of type {real.ToOnnxName()} needs output_dtype" : $"output_dtype is {context.Attributes.Int("output_dtype", 0)}, which is no floating-point type");
        }

        if (Precision(context) is not (ElementType.Undefined or ElementType.Float32 or ElementType.Float16 or ElementType.BFloat16))
        {
            throw context.Unsupported($"the precision {context.Attributes.Int("precision", 0)}");
        }

        if (quantized is not (ElementType.UInt8 or ElementType.Int8 or ElementType.UInt16 or ElementType.Int16 or ElementType.Int32) && (!quantized.IsNarrow() || quantized == ElementType.Float8E8M0))
        {
            throw context.Unsupported($"quantization to {quantized.ToOnnxName()}");
        }

        context.SetOutput(0, isInverse ? real : quantized, input);
        if (isInverse && real == ElementType.Float32 && new TensorType(real, input).ByteLength > FoldLimitBytes && QuantizedWeight(context) is { } weight)
        {
            context.SetConstantOutput(0, weight);
        }
    }

    /// <inheritdoc/>
    public override void Lower(LoweringContext context)
    {
        bool hasZeroPoints = context.HasInput(2);
        ElementType real = isInverse ? context.OutputElementType(0) : context.InputElementType(0);
        PlanTensor input = context.Input(0);
        PlanTensor scale = context.Input(1);
        PlanTensor output = context.Output(0);
        PlanTensor result = output;

        // Scales and numbers of other types are converted before or behind.
        scale = scale.ElementType == ElementType.Float16 ? scale : Cast.Emit(context, scale, ElementType.Float32);
        bool isComputed = real is ElementType.Float32 or ElementType.Float16 || (real == ElementType.Int32 && !isInverse && scale.ElementType == ElementType.Float32);
        if (!isComputed)
        {
            real = ElementType.Float32;
            input = isInverse ? input : Cast.Emit(context, input, real);
            result = isInverse ? context.Temporary(output.Type with { ElementType = real }) : output;
        }

        Factory factory = new(isInverse, Runs(context), hasZeroPoints, real, scale.ElementType, Quantized(context), Precision(context), Cast.Rounding(context));
        context.Emit(
            NumericKernels.Create(Quantized(context).HeldAs(), factory) ?? throw context.Unsupported($"quantization from {real.ToOnnxName()}"),
            hasZeroPoints ? [input, scale, context.Input(2)] : [input, scale], [result]);
        if (result != output)
        {
            context.Emit(new CastKernel(real, output.ElementType, output.ElementCount), [result], [output]);
        }
    }

    // A weight stays quantized where it lies, and its readers dequantize the part that they need.
    private static Constant? QuantizedWeight(NodeContext context)
    {
        if (context.ConstantInput(0) is not { Location: not null, IsChannelsLast: false, Quantization: null } stored || stored.StoredType != stored.Type.ElementType || !QuantizedNumbers.CanRead(stored.StoredType) ||
            context.ConstantInput(1) is not { Quantization: null } scales || !QuantizedNumbers.CanRead(scales.Type.ElementType) || (context.HasInput(2) && context.ConstantInput(2) is null))
        {
            return null;
        }

        // Elements that share bytes are read in groups.
        Shape shape = stored.Type.Shape;
        long count = shape.ElementCount;
        if (stored.IsPacked && (shape.Rank == 0 || shape[^1] % PackedGroup != 0))
        {
            return null;
        }

        Constant? zeroPoints = context.ConstantInput(2);
        long block = context.Attributes.Int("block_size", 0);
        if (scales.Type.Shape.ElementCount == 1 && block == 0)
        {
            return Constant.Quantized(stored, new WeightQuantization(scales, zeroPoints, count, 1, count));
        }

        int axis = context.Axis(context.Attributes.Int("axis", 1), shape.Rank);
        long last = shape[^1];
        return (axis, block) switch
        {
            (0, 0) => Constant.Quantized(stored, new WeightQuantization(scales, zeroPoints, count / shape[0], 1, count / shape[0])),
            (_, 0) when axis == shape.Rank - 1 => Constant.Quantized(stored, new WeightQuantization(scales, zeroPoints, last, count / last, 1)),
            (_, > 0) when axis == shape.Rank - 1 => Constant.Quantized(stored, new WeightQuantization(scales, zeroPoints, last, 1, block)),
            (0, > 0) when shape.Rank == 2 => Constant.Quantized(stored, new WeightQuantization(scales, zeroPoints, last, block, 1)),
            _ => null,
        };
    }

    private ElementType Quantized(NodeContext context)
    {
        ElementType requested = (ElementType)context.Attributes.Int("output_dtype", 0);
        return isInverse ? context.InputElementType(0) :
            context.HasInput(2) ? context.InputElementType(2) :
            requested == ElementType.Undefined ? ElementType.UInt8 : requested;
    }

    private static ElementType Precision(NodeContext context) => (ElementType)context.Attributes.Int("precision", 0);

    private static QuantizationRuns Runs(NodeContext context)
    {
        Shape input = context.InputShape(0);
        Shape scale = context.InputShape(1);
        long block = context.Attributes.Int("block_size", 0);
        if (block < 0)
        {
            throw context.Invalid($"block_size is {block}, it must not be negative");
        }

        if (block == 0 && scale.ElementCount == 1 && (scale.Rank == 0 || input.Rank == 0 || scale.Rank == 1))
        {
            return QuantizationRuns.PerTensor(input.ElementCount);
        }

        int axis = context.Axis(context.Attributes.Int("axis", 1), input.Rank);
        if (block == 0 ? scale.Rank != 1 || scale[0] != input[axis] : scale != input.With(axis, input[axis] / block + (input[axis] % block > 0 ? 1 : 0)))
        {
            throw context.Invalid($"scales of shape {scale} do not fit dimension {axis} of {input}{(block > 0 ? $" in blocks of {block}" : "")}");
        }

        return QuantizationRuns.PerAxis(input, axis, block);
    }

    private readonly struct Factory(bool isInverse, QuantizationRuns runs, bool hasZeroPoints, ElementType real, ElementType scale, ElementType quantized, ElementType precision, NarrowRounding rounding) : INumericKernelFactory
    {
        // Null for types that are not combined.
        public Kernel Create<T>()
            where T : unmanaged, INumber<T>, IMinMaxValue<T> => (real, scale) switch
            {
                (ElementType.Float32, ElementType.Float32) => Create<T, float, float>(),
                (ElementType.Float16, ElementType.Float16) => Create<T, Half, Half>(),
                (ElementType.Float16, ElementType.Float32) => Create<T, Half, float>(),
                (ElementType.Float32, ElementType.Float16) => Create<T, float, Half>(),
                (ElementType.Int32, ElementType.Float32) when !isInverse => Create<T, int, float>(),
                _ => null!,
            };

        private Kernel Create<T, TReal, TScale>()
            where T : unmanaged, INumber<T>
            where TReal : unmanaged, INumber<TReal>
            where TScale : unmanaged, INumber<TScale> =>
            isInverse
                ? new DequantizeKernel<T, TScale, TReal>(runs, hasZeroPoints, quantized.IsNarrowFloat() ? NarrowFloat.Of(quantized).Numbers : null)
                : new QuantizeKernel<TReal, TScale, T>(runs, hasZeroPoints, quantized, precision, rounding);
    }
}
