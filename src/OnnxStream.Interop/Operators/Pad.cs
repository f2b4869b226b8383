using System.Runtime.InteropServices;
using OnnxStream.Interop.Kernels.Managed;
using OnnxStream.Interop.Planning;

namespace OnnxStream.Interop.Operators;

/// <summary>Adds elements around a tensor; negative pads take some away. https://onnx.ai/onnx/operators/onnx__Pad.html</summary>
/// <remarks>
/// Opset 11 made pads and value inputs, 18 added <c>axes</c>, 19 the mode <c>wrap</c>. Elements are taken away first, so
/// that what is mirrored or repeated is what is left.
/// </remarks>
internal sealed class Pad : Operator
{
    /// <inheritdoc/>
    public override void Infer(InferenceContext context) =>
        context.SetOutput(0, context.InputElementType(0), new Shape([.. Sources(context).Select(positions => (long)positions.Length)]));

    /// <inheritdoc/>
    public override void Lower(LoweringContext context)
    {
        PlanTensor input = context.Input(0);
        PlanTensor output = context.Output(0);
        if (output.ElementCount == 0)
        {
            return;
        }

        long[][] sources = Sources(context);
        bool isInputValue = context.OperatorSet >= 11 && context.HasInput(2);
        context.Emit(
            new PadKernel(input.ElementType.SizeOf(), input.Shape, sources, isInputValue ? null : Value(context)),
            isInputValue ? [input, context.Input(2)] : [input], [output]);
    }

    // For each dimension of the output, the positions of the input; -1 for the value.
    private static long[][] Sources(NodeContext context)
    {
        Shape input = context.InputShape(0);
        string mode = context.Attributes.String("mode", "constant");
        if (mode is not ("constant" or "reflect" or "edge" or "wrap"))
        {
            throw context.Invalid($"mode '{mode}' is not one of constant, reflect, edge, wrap");
        }

        if (context.OperatorSet >= 11 && context.HasInput(2) && (context.InputElementType(2) != context.InputElementType(0) || context.InputShape(2).ElementCount != 1))
        {
            throw context.Invalid("the value must be a single element of the data's type");
        }

        long[] pads = context.AttributeOrInput("pads", inputFrom: 11, 1) ?? throw context.Invalid("the pads are missing");
        int[] axes = context.HasInput(3) ? context.Axes(context.RequireIntegers(3), input.Rank) : [.. Enumerable.Range(0, input.Rank)];
        if (pads.Length != 2 * axes.Length)
        {
            throw context.Invalid($"{pads.Length} pads are given, {2 * axes.Length} are needed");
        }

        long[][] sources = new long[input.Rank][];
        for (int i = 0; i < sources.Length; i++)
        {
            int index = Array.IndexOf(axes, i);
            sources[i] = index < 0 ? Positions(context, mode, input[i], 0, 0) : Positions(context, mode, input[i], pads[index], pads[axes.Length + index]);
        }

        return sources;
    }

    private static long[] Positions(NodeContext context, string mode, long size, long before, long after)
    {
        if (before < -size || after < -size || Math.Min(before, 0) + Math.Min(after, 0) < -size || checked(size + before + after) > int.MaxValue)
        {
            throw context.Invalid($"a dimension of {size} cannot be padded by {before} and {after}");
        }

        long first = Math.Max(0, -before);
        long left = size - first - Math.Max(0, -after);
        long length = size + before + after;
        if (left == 0 && mode != "constant" && length > 0)
        {
            throw context.Invalid($"mode '{mode}' needs elements, but a dimension that is padded by {before} and {after} has none");
        }

        long[] positions = new long[length];
        for (long i = 0; i < length; i++)
        {
            long position = i - Math.Max(0, before);
            positions[i] = position >= 0 && position < left ? first + position : mode switch
            {
                "constant" => -1,
                "edge" => first + Math.Clamp(position, 0, left - 1),
                "wrap" => first + Modulo(position, left),
                _ => first + Mirror(position, left),
            };
        }

        return positions;
    }

    // The border itself is not repeated: 2 1 | 0 1 2 | 1 0.
    private static long Mirror(long position, long size)
    {
        if (size == 1)
        {
            return 0;
        }

        long inPeriod = Modulo(position, 2 * (size - 1));
        return inPeriod < size ? inPeriod : 2 * (size - 1) - inPeriod;
    }

    private static long Modulo(long value, long divisor) => (value % divisor + divisor) % divisor;

    private static byte[] Value(NodeContext context)
    {
        float value = context.OperatorSet < 11 ? context.Attributes.Float("value", 0) : 0;
        return context.InputElementType(0) switch
        {
            ElementType.Float32 => MemoryMarshal.AsBytes<float>([value]).ToArray(),
            ElementType.Float64 => MemoryMarshal.AsBytes<double>([value]).ToArray(),
            ElementType.Float16 => MemoryMarshal.AsBytes([(Half)value]).ToArray(),
            var type => value == 0 ? new byte[type.SizeOf()] : throw context.Invalid("only floating-point tensors can be padded with another value than 0"),
        };
    }
}
