using OnnxStream.Interop.Graphs;
using OnnxStream.Interop.Tensors;

namespace OnnxStream.Interop.Operators;

/// <summary>com.microsoft.MatMulNBits: a product with a weight of 2, 4 or 8 bits, scaled in blocks. https://github.com/microsoft/onnxruntime/blob/main/docs/ContribOperators.md</summary>
/// <remarks>A weight in the file stays as it is, and is widened where it is used. One that is computed is widened in each run, as a whole. Indices of groups (input 4) and weights that are packed ahead of time are not supported.</remarks>
internal sealed class MatMulNBits : FunctionOperator
{
    /// <inheritdoc/>
    public override void Expand(FunctionContext context)
    {
        long inputs = context.Attributes.Int("K", 0);
        long outputs = context.Attributes.Int("N", 0);
        long bits = context.Attributes.Int("bits", 4);
        long block = context.Attributes.Int("block_size", 0);
        if (bits is not (2 or 4 or 8) || context.HasInput(4))
        {
            throw context.Unsupported($"a weight of {bits} bits{(context.HasInput(4) ? " with groups" : "")}");
        }

        if (context.Attributes.Int("weight_prepacked", 0) != 0)
        {
            throw context.Unsupported("a weight in the layout of one of ONNX Runtime's kernels");
        }

        if (inputs < 1 || outputs < 1 || block < 16 || block % 2 != 0 || context.InputElementType(1) != ElementType.UInt8)
        {
            throw context.Invalid($"K = {inputs}, N = {outputs} and blocks of {block} make no weight of uint8");
        }

        ElementType type = context.InputElementType(0);
        long blocks = (inputs + block - 1) / block;
        if (context.InputShape(1).ElementCount != checked(outputs * blocks * block * bits / 8) || context.InputShape(2).ElementCount != outputs * blocks)
        {
            throw context.Invalid($"weight {context.InputShape(1)} and scales {context.InputShape(2)} do not fit {outputs} x {inputs} in blocks of {block}");
        }

        if (Weight(context, inputs, outputs, block, bits) is { } constant)
        {
            Value data = context.Cast(context.Input(0), ElementType.Float32);
            if (blocks * block > inputs)
            {
                Shape shape = context.InputShape(0);
                long[] pads = new long[2 * shape.Rank];
                pads[^1] = blocks * block - inputs;
                data = context.Add("Pad", [data, context.Integers(pads)]);
            }

            Value result = context.Add("MatMul", [data, context.Transpose(context.Constant(constant), 1, 0)]);
            context.SetOutput(0, context.Cast(context.OptionalInput(5) is { } added ? context.Add("Add", [result, context.Cast(added, ElementType.Float32)]) : result, type));
            return;
        }

        Value numbers = context.Cast(context.Reshape(Unpacked(context.Input(1), outputs * blocks, block), outputs, blocks, block), type);
        Value zeros = context.Number(type, 1 << (int)(bits - 1));
        if (context.OptionalInput(3) is { } given)
        {
            zeros = context.InputElementType(3) == ElementType.UInt8 ? context.Cast(context.Slice(Unpacked(given, outputs, (blocks * bits + 7) / 8 * 8 / bits), 1, 0, blocks), type) : context.Cast(given, type);
            zeros = context.Reshape(zeros, outputs, blocks, 1);
        }

        Value scales = context.Reshape(context.Input(2), outputs, blocks, 1);
        Value weight = context.Reshape(context.Add("Mul", [context.Add("Sub", [numbers, zeros]), scales]), outputs, blocks * block);
        Value product = context.Add("MatMul", [context.Input(0), context.Transpose(context.Slice(weight, 1, 0, inputs), 1, 0)]);
        context.SetOutput(0, context.OptionalInput(5) is { } bias ? context.Add("Add", [product, bias]) : product);

        // Two or four numbers lie in a byte, the first in its lowest bits.
        Value Unpacked(Value bytes, long rows, long columns)
        {
            if (bits == 8)
            {
                return context.Reshape(bytes, rows, columns);
            }

            long each = 8 / bits;
            bytes = context.Reshape(bytes, rows, columns / each, 1);
            byte[] shifts = [.. Enumerable.Range(0, (int)each).Select(i => (byte)(i * bits))];
            Value shifted = context.Add("BitShift", [bytes, context.Constant<byte>(shifts, each)], ("direction", "RIGHT"));
            return context.Reshape(context.Add("BitwiseAnd", [shifted, context.Constant<byte>([(byte)((1 << (int)bits) - 1)])]), rows, columns);
        }
    }

    // [N, K], filled up to whole blocks, where weight, scales and zero points are constant; null otherwise.
    private static Constant? Weight(FunctionContext context, long inputs, long outputs, long block, long bits)
    {
        long blocks = (inputs + block - 1) / block;
        if (context.ConstantInput(1) is not { Location: not null, Quantization: null } bytes || context.ConstantInput(2) is not { Quantization: null } scales ||
            (context.HasInput(3) && context.ConstantInput(3) is null) || outputs * blocks * block * sizeof(float) <= FoldLimitBytes)
        {
            return null;
        }

        ElementType stored = bits switch { 8 => ElementType.UInt8, 4 => ElementType.UInt4, _ => ElementType.UInt2 };
        long stride = blocks;
        Constant zeroPoints = Constant.Of<byte>(Shape.Scalar, (byte)(1 << (int)(bits - 1)));
        if (context.ConstantInput(3) is { } given)
        {
            // Those of a row begin with a byte.
            stride = given.Type.ElementType == ElementType.UInt8 ? (blocks * bits + 7) / 8 * 8 / bits : blocks;
            zeroPoints = given.Type.ElementType == ElementType.UInt8 ? given.AsElements(stored, new Shape(outputs, stride)) : given;
            if (zeroPoints.Type.Shape.ElementCount != outputs * stride)
            {
                throw context.Invalid($"zero points {given.Type} do not fit {outputs} x {blocks} blocks");
            }
        }

        return Constant.Quantized(bytes.AsElements(stored, new Shape(outputs, blocks * block)), new WeightQuantization(scales, zeroPoints, blocks * block, 1, block) { ZeroPointStride = stride });
    }
}
