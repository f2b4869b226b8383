using OnnxStream.Interop.Graphs;

namespace OnnxStream.Interop.Operators;

/// <summary>com.microsoft.MatMulBnb4: a product with a weight of 4-bit floats (FP4, NF4), scaled in blocks, as bitsandbytes makes them (https://arxiv.org/abs/2305.14314). https://github.com/microsoft/onnxruntime/blob/main/docs/ContribOperators.md</summary>
/// <remarks>The weight is widened in each run, as a whole.</remarks>
internal sealed class MatMulBnb4 : FunctionOperator
{
    // A sign, and the parts of 12 that three bits stand for.
    private static readonly float[] s_floats = [.. new[] { 1f, -1f }.SelectMany(sign => new[] { 0f, 0.0625f, 8, 12, 4, 6, 2, 3 }.Select(part => sign * part / 12))];

    // Quantiles of the normal distribution.
    private static readonly float[] s_normals =
    [
        -1, -0.6961928009986877f, -0.5250730514526367f, -0.39491748809814453f, -0.28444138169288635f, -0.18477343022823334f, -0.09105003625154495f, 0,
        0.07958029955625534f, 0.16093020141124725f, 0.24611230194568634f, 0.33791524171829224f, 0.44070982933044434f, 0.5626170039176941f, 0.7229568362236023f, 1,
    ];

    /// <inheritdoc/>
    public override void Expand(FunctionContext context)
    {
        long inputs = context.Attributes.Int("K", 0);
        long outputs = context.Attributes.Int("N", 0);
        long block = context.Attributes.Int("block_size", 0);
        long kind = context.Attributes.Int("quant_type", 0);
        ElementType type = context.InputElementType(0);
        if (inputs < 1 || outputs < 1 || block < 1 || kind is not (0 or 1) || context.InputElementType(1) != ElementType.UInt8)
        {
            throw context.Invalid($"K = {inputs}, N = {outputs}, blocks of {block} and the type {kind} make no weight of uint8");
        }

        long count = checked(inputs * outputs);
        long blocks = (count + block - 1) / block;
        if (context.InputShape(1).ElementCount != (count + 1) / 2 || context.InputShape(2).ElementCount != blocks)
        {
            throw context.Invalid($"the weight {context.InputShape(1)} and scales {context.InputShape(2)} do not fit {outputs} x {inputs} in blocks of {block}");
        }

        // Two numbers lie in a byte, the first in its highest bits.
        Value bytes = context.Reshape(context.Input(1), (count + 1) / 2, 1);
        Value codes = context.Add("BitwiseAnd", [context.Add("BitShift", [bytes, context.Constant<byte>([4, 0], 2)], ("direction", "RIGHT")), context.Constant<byte>([15])]);
        codes = context.Slice(context.Cast(context.Reshape(codes, (count + 1) / 2 * 2), ElementType.Int32), 0, 0, count);
        Value numbers = context.Add("Gather", [context.Constant<float>(kind == 0 ? s_floats : s_normals, 16), codes], ("axis", 0));
        Value scales = context.Cast(context.Reshape(context.Input(2), blocks, 1), ElementType.Float32);
        numbers = blocks * block == count ? numbers : context.Add("Pad", [numbers, context.Integers(0, blocks * block - count)]);
        Value weight = context.Reshape(context.Add("Mul", [context.Reshape(numbers, blocks, block), scales]), blocks * block);
        weight = context.Reshape(context.Slice(weight, 0, 0, count), outputs, inputs);
        Value product = context.Add("MatMul", [context.Cast(context.Input(0), ElementType.Float32), context.Attributes.Int("transB", 1) != 0 ? context.Transpose(weight, 1, 0) : weight]);
        context.SetOutput(0, context.Cast(product, type));
    }
}
