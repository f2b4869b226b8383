using OnnxStream.Interop.Kernels;
using OnnxStream.Interop.Steps;
using OnnxStream.Interop.Tensors;

namespace OnnxStream.Interop.Operators;

/// <summary>Converts elements to another type. https://onnx.ai/onnx/operators/onnx__Cast.html</summary>
/// <remarks>
/// All number types, half and brain floats and those of 8 bits and less included, and bool; opsets 9 to 25 added types, 19
/// <c>saturate</c> and 24 <c>round_mode</c> for conversions to 8-bit floats. Text is not supported. A weight in a file is not
/// converted before it is used.
/// </remarks>
internal sealed class Cast : Operator
{
    /// <inheritdoc/>
    public override void Infer(InferenceContext context)
    {
        ElementType to = (ElementType)context.Attributes.Int("to", 0);
        if (to == ElementType.Undefined)
        {
            throw context.Invalid("attribute 'to' is missing");
        }

        Infer(context, to);
    }

    /// <inheritdoc/>
    public override void Lower(LoweringContext context) => Emit(context, context.Input(0), 0);

    /// <summary>How the attributes <c>saturate</c> and <c>round_mode</c> tell to round to 8-bit floats.</summary>
    /// <exception cref="InvalidGraphException">They have values that do not exist.</exception>
    public static NarrowRounding Rounding(NodeContext context) => new(
        context.Attributes.Int("saturate", 1) == 0,
        context.Attributes.String("round_mode", "up") switch
        {
            "up" => ScaleRounding.Up,
            "down" => ScaleRounding.Down,
            "nearest" => ScaleRounding.Nearest,
            var other => throw context.Invalid($"round_mode is '{other}', it must be 'up', 'down' or 'nearest'"),
        });

    /// <summary>Sets the type of output 0, which is input 0 converted to another element type.</summary>
    public static void Infer(InferenceContext context, ElementType to)
    {
        _ = Rounding(context);
        ElementType from = context.InputElementType(0);
        if (!ElementConversion.Supports(from) || !ElementConversion.Supports(to))
        {
            throw context.Unsupported($"a conversion from {from.ToOnnxName()} to {to.ToOnnxName()}");
        }

        context.SetOutput(0, to, context.InputShape(0));
        if (context.ConstantInput(0) is { } constant && (from == to || IsConvertedWhenRead(constant, to)))
        {
            context.SetConstantOutput(0, from == to ? constant : constant.WithType(to));
        }
    }

    /// <summary>Makes an output of the converted elements of a tensor, as the node's attributes say.</summary>
    public static void Emit(LoweringContext context, PlanTensor input, int index)
    {
        ElementType to = context.OutputElementType(index);
        if (input.ElementType == to)
        {
            context.View(index, input);
        }
        else
        {
            context.Emit(CreateKernel(context, input, to, Rounding(context)), [input], [context.Output(index)]);
        }
    }

    /// <summary>A tensor's elements as another type, in memory that only the node needs; the tensor itself if it has that type.</summary>
    public static PlanTensor Emit(LoweringContext context, PlanTensor input, ElementType to)
    {
        if (input.ElementType == to)
        {
            return input;
        }

        PlanTensor output = context.Temporary(input.Type with { ElementType = to });
        context.Emit(CreateKernel(context, input, to, default), [input], [output]);
        return output;
    }

    private static Kernel CreateKernel(LoweringContext context, PlanTensor input, ElementType to, NarrowRounding rounding) =>
        input.ElementType == ElementType.Float32 && to == ElementType.Float16 && input.ElementCount > 0
            ? new XnnConvert(input.ElementCount, context.Workers)
            : new CastKernel(input.ElementType, to, input.ElementCount, rounding);

    private static bool IsConvertedWhenRead(Constant constant, ElementType to) =>
        constant.Location is not null && constant.Quantization is null &&
        (to == constant.StoredType || (to == ElementType.Float32 && constant.StoredType is ElementType.Float16 or ElementType.BFloat16));
}
