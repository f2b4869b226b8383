using OnnxStream.Interop.Kernels;
using OnnxStream.Interop.Steps;

namespace OnnxStream.Interop.Operators;

/// <summary>Subtracts the mean over some dimensions and divides by the standard deviation. https://onnx.ai/onnx/operators/onnx__MeanVarianceNormalization.html (opsets 9 and 13: only types were added).</summary>
internal sealed class MeanVarianceNormalization : Operator
{
    private static readonly long[] s_defaultAxes = [0, 2, 3];

    /// <inheritdoc/>
    public override void Infer(InferenceContext context)
    {
        _ = Axes(context);
        context.SetOutput(0, context.InputElementType(0), context.InputShape(0));
    }

    /// <inheritdoc/>
    public override void Lower(LoweringContext context)
    {
        // The dimensions that are normalised go behind the others, so that they are one run.
        PlanTensor input = context.Input(0);
        int[] axes = Axes(context);
        Array.Sort(axes);
        int[] permutation = [.. Enumerable.Range(0, input.Shape.Rank).Except(axes), .. axes];
        bool isTurned = !permutation.SequenceEqual(Enumerable.Range(0, input.Shape.Rank));
        PlanTensor data = isTurned ? Transpose.Emit(context, input, permutation) : input;
        PlanTensor result = isTurned ? context.Temporary(data.Type) : context.Output(0);
        Normalization normalization = new()
        {
            Rows = data.Shape.Product(0, data.Shape.Rank - axes.Length),
            Length = data.Shape.Product(data.Shape.Rank - axes.Length, data.Shape.Rank),
            Epsilon = 1e-9f,
            IsEpsilonOutside = true,
        };
        context.Emit(
            NormalizationKernel.Create(data.ElementType, normalization, context.Workers) ?? throw context.Unsupported($"element type {data.ElementType.ToOnnxName()}"),
            [data], [result]);
        if (isTurned)
        {
            int[] back = new int[permutation.Length];
            for (int i = 0; i < back.Length; i++)
            {
                back[permutation[i]] = i;
            }

            Transpose.Emit(context, result, back, context.Output(0));
        }
    }

    private static int[] Axes(NodeContext context) => context.Axes(context.Attributes.Ints("axes") ?? s_defaultAxes, context.InputShape(0).Rank);
}
