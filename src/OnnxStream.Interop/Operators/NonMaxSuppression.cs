using OnnxStream.Interop.Kernels;
using OnnxStream.Interop.Steps;

namespace OnnxStream.Interop.Operators;

/// <summary>Selects boxes by score that do not overlap. https://onnx.ai/onnx/operators/onnx__NonMaxSuppression.html (opsets 10 and 11: only texts changed).</summary>
/// <remarks>The number of boxes is only known when they have been selected: what follows is planned then.</remarks>
internal sealed class NonMaxSuppression : Operator
{
    /// <inheritdoc/>
    public override void Infer(InferenceContext context)
    {
        Shape boxes = context.InputShape(0);
        Shape scores = context.InputShape(1);
        if (boxes.Rank != 3 || boxes[2] != 4 || scores.Rank != 3 || scores[0] != boxes[0] || scores[2] != boxes[1])
        {
            throw context.Invalid("boxes must be [images, boxes, 4] and scores [images, classes, boxes]");
        }

        for (int i = 0; i < Math.Min(5, context.InputCount); i++)
        {
            ElementType expected = i == 2 ? ElementType.Int64 : ElementType.Float32;
            if (context.HasInput(i) && (context.InputElementType(i) != expected || (i > 1 && context.InputShape(i).ElementCount != 1)))
            {
                throw context.Invalid($"input {i} must be {(i > 1 ? "one " : "")}{expected.ToOnnxName()}");
            }
        }

        if (boxes[1] > int.MaxValue || context.Attributes.Int("center_point_box", 0) is not (0 or 1))
        {
            throw context.Invalid("center_point_box must be 0 or 1");
        }

        context.SetDynamicOutput(0, ElementType.Int64, new Shape(checked(boxes[0] * scores[1] * Bound(context)), 3));
    }

    /// <inheritdoc/>
    public override void Lower(LoweringContext context)
    {
        List<PlanTensor> inputs = [context.Input(0), context.Input(1)];
        int limit = Add(context, 2, inputs);
        int overlap = Add(context, 3, inputs);
        int score = Add(context, 4, inputs);
        if (limit == 0)
        {
            // Nothing is selected.
            inputs.Add(context.Temporary(ElementType.Int64));
            limit = inputs.Count - 1;
            context.Emit(new FillKernel(1, new byte[sizeof(long)]), [], [inputs[limit]]);
        }

        context.Emit(
            new NonMaxSuppressionKernel(context.InputShape(0), context.InputShape(1)[1], Bound(context), context.Attributes.Int("center_point_box", 0) != 0, limit, overlap, score),
            [.. inputs], [context.Output(0)]);
    }

    // The most boxes that can be selected of a class.
    private static long Bound(NodeContext context)
    {
        long boxes = context.InputShape(0)[1];
        return !context.HasInput(2) ? 0 : context.TryIntegers(2) is { } limit ? Math.Clamp(limit[0], 0, boxes) : boxes;
    }

    private static int Add(LoweringContext context, int index, List<PlanTensor> inputs)
    {
        if (context.OptionalInput(index) is not { } input)
        {
            return 0;
        }

        inputs.Add(input);
        return inputs.Count - 1;
    }
}
