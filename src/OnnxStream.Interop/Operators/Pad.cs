using System.Runtime.InteropServices;
using OnnxStream.Interop.Graphs;
using OnnxStream.Interop.Kernels;
using OnnxStream.Interop.Steps;

namespace OnnxStream.Interop.Operators;

/// <summary>Adds elements around a tensor; negative pads take some away. https://onnx.ai/onnx/operators/onnx__Pad.html</summary>
/// <remarks>
/// Opset 11 made pads and value inputs, 18 added <c>axes</c>, 19 the mode <c>wrap</c>. Elements are taken away first, so
/// that what is mirrored or repeated is what is left.
/// </remarks>
internal sealed class Pad : Operator
{
    /// <inheritdoc/>
    public override bool TakesHalf(Node node) => true;

    /// <inheritdoc/>
    public override void Infer(InferenceContext context) =>
        context.SetOutput(0, context.InputElementType(0), new Shape([.. Dimensions(context).Select(dimension => dimension.Length)]));

    /// <inheritdoc/>
    public override void Lower(LoweringContext context)
    {
        PlanTensor input = context.Input(0);
        PlanTensor output = context.Output(0);
        if (output.ElementCount == 0)
        {
            return;
        }

        bool isInputValue = context.OperatorSet >= 11 && context.HasInput(2);
        context.Emit(
            new PadKernel(input.ElementType.SizeOf(), input.Shape, Dimensions(context), isInputValue ? null : Value(context)),
            isInputValue ? [input, context.Input(2)] : [input], [output]);
    }

    private static PadDimension[] Dimensions(NodeContext context)
    {
        Shape input = context.InputShape(0);
        PadMode mode = context.Attributes.String("mode", "constant") switch
        {
            "constant" => PadMode.Constant,
            "reflect" => PadMode.Reflect,
            "edge" => PadMode.Edge,
            "wrap" => PadMode.Wrap,
            var other => throw context.Invalid($"mode '{other}' is not one of constant, reflect, edge, wrap"),
        };
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

        PadDimension[] dimensions = new PadDimension[input.Rank];
        for (int i = 0; i < dimensions.Length; i++)
        {
            int index = Array.IndexOf(axes, i);
            dimensions[i] = index < 0 ? Dimension(context, mode, input[i], 0, 0) : Dimension(context, mode, input[i], pads[index], pads[axes.Length + index]);
        }

        return dimensions;
    }

    private static PadDimension Dimension(NodeContext context, PadMode mode, long size, long before, long after)
    {
        if (before < -size || after < -size || Math.Min(before, 0) + Math.Min(after, 0) < -size)
        {
            throw context.Invalid($"{-before} and {-after} elements cannot be taken away from a dimension of {size}");
        }

        long first = Math.Max(0, -before);
        long kept = size - first - Math.Max(0, -after);
        long length = checked(size + before + after);
        return kept == 0 && mode != PadMode.Constant && length > 0
            ? throw context.Invalid($"mode '{mode}' needs elements, but a dimension that is padded by {before} and {after} has none")
            : new PadDimension(mode, first, kept, Math.Max(0, before), length);
    }

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
