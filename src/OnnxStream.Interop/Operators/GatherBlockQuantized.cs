using OnnxStream.Interop.Graphs;
using OnnxStream.Interop.Tensors;

namespace OnnxStream.Interop.Operators;

/// <summary>com.microsoft.GatherBlockQuantized: slices of a tensor of 2, 4 or 8 bits, scaled in blocks: an embedding. https://github.com/microsoft/onnxruntime/blob/main/docs/ContribOperators.md</summary>
/// <remarks>Only the slices are widened. An index outside of the tensor gives zeros. Tensors of int4 and uint4 have an element for each number; uint8 holds one, two or four in a byte.</remarks>
internal sealed class GatherBlockQuantized : FunctionOperator
{
    /// <inheritdoc/>
    public override void Expand(FunctionContext context)
    {
        ElementType type = context.InputElementType(0);
        Shape data = context.InputShape(0);
        int gatherAxis = context.Axis(context.Attributes.Int("gather_axis", 0), data.Rank);
        int quantizeAxis = context.Axis(context.Attributes.Int("quantize_axis", 1), data.Rank);
        long block = context.Attributes.Int("block_size", 128);
        bool isUnpacked = type is ElementType.Int4 or ElementType.UInt4;
        long bits = isUnpacked ? 8 : context.Attributes.Int("bits", 4);
        long each = 8 / Math.Clamp(bits, 1, 8);
        if (bits is not (2 or 4 or 8) || block < 16 || (block & (block - 1)) != 0 || gatherAxis == quantizeAxis)
        {
            throw context.Invalid($"{bits} bits in blocks of {block} along axis {quantizeAxis}, with slices along axis {gatherAxis}, are not possible");
        }

        if (!isUnpacked && (type != ElementType.UInt8 || gatherAxis != 0 || quantizeAxis != data.Rank - 1))
        {
            throw context.Invalid($"data of {type.ToOnnxName()} with blocks along axis {quantizeAxis} and slices along axis {gatherAxis}: it must be uint8, with slices along the first axis and blocks along the last");
        }

        Shape scales = data.With(quantizeAxis, (checked(data[quantizeAxis] * each) + block - 1) / block);
        Shape zeros = scales.With(quantizeAxis, (scales[quantizeAxis] + each - 1) / each);
        if (context.InputShape(2) != scales || (context.HasInput(3) && context.InputType(3) != new TensorType(type, zeros)))
        {
            throw context.Invalid($"scales must be {scales}{(context.HasInput(3) ? $", and zero points {type.ToOnnxName()}{zeros}" : "")}");
        }

        Constant? weight = Weight(context, gatherAxis, quantizeAxis, block, (int)bits);
        (Value indices, Value isInside) = Indices(context, data[gatherAxis]);
        int indexRank = context.InputShape(1).Rank;
        int axis = quantizeAxis < gatherAxis ? quantizeAxis : quantizeAxis + indexRank - 1;
        if (weight is not null)
        {
            Value rows = context.Cast(context.Add("Gather", [context.Constant(weight), indices]), context.InputElementType(2));
            long[] flags = [.. context.InputShape(1).Dimensions, .. Enumerable.Repeat(1L, data.Rank - 1)];
            context.SetOutput(0, context.Add("Where", [context.Reshape(isInside, flags), rows, context.Number(context.InputElementType(2), 0)]));
            return;
        }

        Value numbers = Slices(0);
        Value scale = context.Add("Gather", [context.Input(2), indices], ("axis", gatherAxis));
        Value? zero = context.HasInput(3)
            ? context.Slice(Slices(3), axis, 0, scale.Type!.Value.Shape[axis])
            : isUnpacked ? null : context.Add("Expand", [context.Constant([(byte)(1 << (int)(bits - 1))]), context.Integers(scale.Type!.Value.Shape.ToArray())]);
        Value result = context.Add("DequantizeLinear", [numbers, scale, zero], ("axis", axis), ("block_size", block));
        Shape shape = result.Type!.Value.Shape;
        long[] aligned = new long[shape.Rank];
        Array.Fill(aligned, 1);
        context.InputShape(1).Dimensions.CopyTo(aligned.AsSpan(gatherAxis));
        context.SetOutput(0, context.Add("Where", [context.Reshape(isInside, aligned), result, context.Number(result.Type.Value.ElementType, 0)]));

        Value Slices(int index)
        {
            Value taken = context.Add("Gather", [context.Input(index), indices], ("axis", gatherAxis));
            return each == 1 ? taken : Unpacked(context, taken, each, (int)bits);
        }
    }

    // The tensor as a weight that stays in its file, of which slices are read; null where it is computed, small, or has blocks along another axis.
    private static Constant? Weight(FunctionContext context, int gatherAxis, int quantizeAxis, long block, int bits)
    {
        if (context.ConstantInput(0) is not { Location: not null, Quantization: null, IsChannelsLast: false } given || gatherAxis != 0 || quantizeAxis != given.Type.Shape.Rank - 1 || given.Type.Shape.Rank < 2 ||
            context.ConstantInput(2) is not { Quantization: null } scales || (context.HasInput(3) && context.ConstantInput(3) is null))
        {
            return null;
        }

        ElementType stored = given.StoredType != ElementType.UInt8 ? given.StoredType : bits switch { 8 => ElementType.UInt8, 4 => ElementType.UInt4, _ => ElementType.UInt2 };
        Shape shape = given.Type.Shape;
        int each = stored == given.StoredType ? 1 : stored.PerByte();
        shape = shape.With(shape.Rank - 1, shape[^1] * each);
        if (shape[^1] % block != 0 || new TensorType(ElementType.Float32, shape).ByteLength <= FoldLimitBytes)
        {
            return null;
        }

        // Without zero points, uint8 stands for integers around the middle, and int4 and uint4 for themselves.
        long blocks = shape[^1] / block;
        long stride = blocks;
        Constant? zeroPoints = given.StoredType == ElementType.UInt8 ? Constant.Of<byte>(Shape.Scalar, (byte)(1 << (bits - 1))) : null;
        if (context.ConstantInput(3) is { } points)
        {
            stride = (blocks + each - 1) / each * each;
            zeroPoints = each == 1 ? points : points.AsElements(stored, shape.With(shape.Rank - 1, stride));
        }

        return Constant.Quantized(given.StoredType == stored ? given : given.AsElements(stored, shape), new WeightQuantization(scales, zeroPoints, shape[^1], 1, block) { ZeroPointStride = stride });
    }

    // Indices that are all inside, counted from the front, and which were.
    private static (Value Indices, Value IsInside) Indices(FunctionContext context, long length)
    {
        context.CheckIndices(1);
        Value given = context.Cast(context.Input(1), ElementType.Int64);
        Value isInside = context.Add("And", [context.Add("GreaterOrEqual", [given, context.Constant<long>([-length])]), context.Add("Less", [given, context.Constant<long>([length])])]);
        return (context.Add("Where", [isInside, given, context.Constant<long>([0])]), isInside);
    }

    // Several numbers lie in a byte along the last axis, the first in its lowest bits.
    internal static Value Unpacked(FunctionContext context, Value bytes, long each, int bits)
    {
        Shape shape = bytes.Type!.Value.Shape;
        byte[] shifts = [.. Enumerable.Range(0, (int)each).Select(i => (byte)(i * bits))];
        Value shifted = context.Add("BitShift", [context.Reshape(bytes, [.. shape.Dimensions, 1]), context.Constant<byte>(shifts, each)], ("direction", "RIGHT"));
        return context.Reshape(context.Add("BitwiseAnd", [shifted, context.Constant<byte>([(byte)((1 << bits) - 1)])]), [.. shape.Dimensions[..^1], shape[^1] * each]);
    }
}
