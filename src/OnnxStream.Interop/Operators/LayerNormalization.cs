using OnnxStream.Interop.Bindings;
using OnnxStream.Interop.Graphs;
using OnnxStream.Interop.Kernels;
using OnnxStream.Interop.Steps;
using OnnxStream.Interop.Tensors;

namespace OnnxStream.Interop.Operators;

/// <summary>LayerNormalization and RMSNormalization over the dimensions from <c>axis</c> on. https://onnx.ai/onnx/operators/onnx__LayerNormalization.html</summary>
/// <remarks>
/// Opsets 17 (layer) and 23 (RMS). Moments are always found in double precision, whatever <c>stash_type</c> says. The optional
/// outputs (mean, inverse deviation) are single precision.
/// </remarks>
internal sealed class LayerNormalization(bool isUncentered) : Operator
{
    /// <inheritdoc/>
    public override bool CanOverwriteInput => true;

    /// <inheritdoc/>
    public override bool IsFunction(NodeContext context) =>
        isUncentered && context.InputElementType(0) != context.InputElementType(1) && context.InputElementType(0).IsFloat() && context.InputElementType(1).IsFloat();

    /// <inheritdoc/>
    public override void Expand(FunctionContext context)
    {
        // The result has the type of the scale. Both meet in a wider one.
        ElementType type = context.InputElementType(0) == ElementType.Float64 || context.InputElementType(1) == ElementType.Float64 ? ElementType.Float64 : ElementType.Float32;
        Value result = context.Add(
            "RMSNormalization", [context.Cast(context.Input(0), type), context.Cast(context.Input(1), type)],
            ("axis", context.Attributes.Int("axis", -1)), ("epsilon", context.Attributes.Float("epsilon", 1e-5f)));
        context.SetOutput(0, context.Cast(result, context.InputElementType(1)));
    }

    /// <inheritdoc/>
    public override bool CanReadStored(Node node, int input, RowFormat format) => input == 0 && CanWriteStored(node, format);

    /// <inheritdoc/>
    public override bool CanWriteStored(Node node, RowFormat format)
    {
        InferenceContext context = new(node);
        return IsWhole(context) && (format.Together == 1 || Axis(context) == context.InputShape(0).Rank - 1);
    }

    /// <inheritdoc/>
    public override void Infer(InferenceContext context)
    {
        Shape input = context.InputShape(0);
        int axis = Axis(context);
        for (int i = 1; i <= 2; i++)
        {
            if (context.HasInput(i) || i == 1)
            {
                if (context.InputElementType(i) != context.InputElementType(0))
                {
                    throw context.Invalid("scale and bias must have the element type of the input");
                }

                if (context.Broadcast(input, context.InputShape(i)) != input)
                {
                    throw context.Invalid($"scale and bias must be broadcastable to {input}");
                }
            }
        }

        context.SetOutput(0, context.InputElementType(0), input);
        long[] reduced = input.ToArray();
        Array.Fill(reduced, 1, axis, reduced.Length - axis);
        context.SetOutput(1, ElementType.Float32, new Shape(reduced));
        context.SetOutput(2, ElementType.Float32, new Shape(reduced));
    }

    /// <inheritdoc/>
    public override void Lower(LoweringContext context)
    {
        Shape input = context.InputShape(0);
        int axis = Axis(context);
        ElementType type = context.InputElementType(0);
        PlanTensor? scale = context.Input(1);
        PlanTensor? bias = context.OptionalInput(2);

        Shape normalized = new(input.Dimensions[axis..]);
        bool isFused = IsWhole(context);
        List<PlanTensor> inputs = [context.Input(0)];
        if (isFused)
        {
            inputs.Add(scale);
            if (bias is not null)
            {
                inputs.Add(bias);
            }
        }

        PlanTensor result = context.HasOutput(0) ? context.Output(0) : context.Temporary(type, input.Dimensions);
        List<PlanTensor> outputs = [isFused ? result : context.Temporary(result.Type)];
        int meanOutput = AddOutput(context, 1, outputs);
        int inverseOutput = AddOutput(context, 2, outputs);
        Normalization normalization = new()
        {
            Rows = input.Product(0, axis),
            Length = normalized.ElementCount,
            Epsilon = context.Attributes.Float("epsilon", 1e-5f),
            IsUncentered = isUncentered,
            ScaleInput = isFused ? 1 : 0,
            BiasInput = isFused && bias is not null ? 2 : 0,
            MeanOutput = meanOutput,
            InverseDeviationOutput = inverseOutput,
            Types = new StorageTypes(type, outputs[0].ElementType),
        };
        context.Emit(
            NormalizationKernel.Create(scale.ElementType, normalization, context.Workers) ?? throw context.Unsupported($"element type {type.ToOnnxName()}"),
            [.. inputs], [.. outputs]);
        if (!isFused)
        {
            PlanTensor scaled = bias is null ? result : context.Temporary(result.Type);
            BinaryArithmetic.Emit(context, xnn_binary_operator.xnn_binary_multiply, outputs[0], scale, scaled);
            if (bias is not null)
            {
                BinaryArithmetic.Emit(context, xnn_binary_operator.xnn_binary_add, scaled, bias, result);
            }
        }
    }

    private static int Axis(NodeContext context) => context.Axis(context.Attributes.Int("axis", -1), context.InputShape(0).Rank);

    // Scales that are broadcast in another way are steps of their own.
    private static bool IsWhole(NodeContext context)
    {
        Shape normalized = new(context.InputShape(0).Dimensions[Axis(context)..]);
        return IsPerElement(context.InputShape(1), normalized) && (!context.HasInput(2) || IsPerElement(context.InputShape(2), normalized));
    }

    private static bool IsPerElement(Shape shape, Shape normalized) =>
        shape.ElementCount == normalized.ElementCount &&
        shape.Dimensions[Math.Max(0, shape.Rank - normalized.Rank)..].SequenceEqual(normalized.Dimensions[Math.Max(0, normalized.Rank - shape.Rank)..]);

    private static int AddOutput(LoweringContext context, int index, List<PlanTensor> outputs)
    {
        if (!context.HasOutput(index))
        {
            return 0;
        }

        outputs.Add(context.Output(index));
        return outputs.Count - 1;
    }
}
