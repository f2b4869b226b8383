using OnnxStream.Interop.Graphs;
using OnnxStream.Interop.Tensors;

namespace OnnxStream.Interop.Operators;

/// <summary>The weights of com.microsoft.QMoE: integers of 2, 4 or 8 bits without a sign, with a scale for each output channel, or for each block of its inputs.</summary>
internal static class QuantizedExperts
{
    /// <summary>The matrices of all experts, [experts, outputs, inputs]: where they lie in the file if they do, else widened in each run.</summary>
    /// <param name="context">The operator.</param>
    /// <param name="index">The input that holds the integers; its scales are the next one.</param>
    /// <param name="zeroIndex">The input that holds zero points, or is left out.</param>
    /// <param name="experts">The number of experts.</param>
    /// <param name="outputs">The output channels of each.</param>
    /// <param name="inputs">The numbers of a channel.</param>
    /// <exception cref="InvalidGraphException">Shapes or types do not fit together.</exception>
    /// <exception cref="UnsupportedOperatorException">Numbers are floats, or in the layout of a kernel.</exception>
    public static Value Read(FunctionContext context, int index, int zeroIndex, long experts, long outputs, long inputs)
    {
        long bits = context.Attributes.Int("expert_weight_bits", 4);
        long block = context.Attributes.Int("block_size", 0);
        string kind = context.Attributes.String("quant_type", "int");
        if (kind != "int" || context.Attributes.Int("weights_prepacked", -1) > 0 || Enumerable.Range(15, Math.Max(0, context.InputCount - 15)).Any(context.HasInput))
        {
            throw context.Unsupported($"a weight of the type '{kind}'{(kind == "int" ? " in the layout of one of ONNX Runtime's kernels, or with scales of activations" : "")}");
        }

        if (bits is not (2 or 4 or 8) || block < 0 || (block > 0 && (block < 16 || (block & (block - 1)) != 0 || inputs % block != 0)) || inputs * bits % 8 != 0)
        {
            throw context.Invalid($"{bits} bits in blocks of {block} are not possible for {inputs} numbers");
        }

        int each = (int)(8 / bits);
        long blocks = block > 0 ? inputs / block : 1;
        long all = checked(experts * outputs * blocks);
        if (context.InputType(index) != new TensorType(ElementType.UInt8, new Shape(experts, outputs, inputs / each)) || !context.InputElementType(index + 1).IsFloat() || context.InputShape(index + 1).ElementCount != all)
        {
            throw context.Invalid($"the weight {context.InputType(index)} (input {index}) must be uint8 [{experts},{outputs},{inputs / each}], and have {all} scales instead of {context.InputType(index + 1)}");
        }

        if (context.HasInput(zeroIndex) && (context.InputElementType(zeroIndex) != ElementType.UInt8 || context.InputShape(zeroIndex).ElementCount * each != all))
        {
            throw context.Invalid($"there must be {all} zero points in {all / each} bytes instead of {context.InputType(zeroIndex)} (input {zeroIndex})");
        }

        byte middle = (byte)(1 << (int)(bits - 1));
        if (context.ConstantInput(index) is { Location: not null, Quantization: null } bytes && context.ConstantInput(index + 1) is { Quantization: null } scales && (!context.HasInput(zeroIndex) || context.ConstantInput(zeroIndex) is not null))
        {
            ElementType stored = bits switch { 8 => ElementType.UInt8, 4 => ElementType.UInt4, _ => ElementType.UInt2 };
            Constant zeroPoints = context.ConstantInput(zeroIndex)?.AsElements(stored, new Shape(all)) ?? Constant.Of<byte>(Shape.Scalar, middle);
            return context.Constant(Constant.Quantized(bytes.AsElements(stored, new Shape(experts, outputs, inputs)), new WeightQuantization(scales, zeroPoints, inputs, 1, inputs / blocks)));
        }

        Value zeros = context.OptionalInput(zeroIndex) is { } given ? context.Reshape(context.Cast(Unpack(given, all), ElementType.Float32), experts, outputs, blocks, 1) : context.Constant<float>([middle]);
        Value numbers = context.Reshape(context.Cast(Unpack(context.Input(index), experts * outputs * inputs), ElementType.Float32), experts, outputs, blocks, inputs / blocks);
        Value factors = context.Reshape(context.Cast(context.Input(index + 1), ElementType.Float32), experts, outputs, blocks, 1);
        return context.Reshape(context.Add("Mul", [context.Add("Sub", [numbers, zeros]), factors]), experts, outputs, inputs);

        Value Unpack(Value packed, long count) => each == 1 ? context.Reshape(packed, count) : GatherBlockQuantized.Unpacked(context, context.Reshape(packed, count / each), each, (int)bits);
    }
}
