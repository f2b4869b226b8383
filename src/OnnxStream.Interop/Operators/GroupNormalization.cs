using OnnxStream.Interop.Kernels;

namespace OnnxStream.Interop.Operators;

/// <summary>Normalises groups of channels of each item, then scales and shifts. https://onnx.ai/onnx/operators/onnx__GroupNormalization.html</summary>
/// <remarks>Scale and bias have an element for each group in opset 18, for each channel since opset 21.</remarks>
internal sealed class GroupNormalization : Operator
{
    /// <inheritdoc/>
    public override void Infer(InferenceContext context)
    {
        Shape input = context.InputShape(0);
        if (input.Rank < 2)
        {
            throw context.Invalid("the input must have at least two dimensions");
        }

        long groups = Groups(context);
        if (groups < 1 || input[1] % groups != 0)
        {
            throw context.Invalid($"{input[1]} channels are not divisible into {groups} groups");
        }

        Shape expected = new(context.OperatorSet < 21 ? groups : input[1]);
        for (int i = 1; i <= 2; i++)
        {
            if (context.InputType(i) != new TensorType(context.InputElementType(0), expected))
            {
                throw context.Invalid($"scale and bias must have the type of the input and the shape {expected}");
            }
        }

        context.SetOutput(0, context.InputElementType(0), input);
    }

    /// <inheritdoc/>
    public override void Lower(LoweringContext context)
    {
        Shape input = context.InputShape(0);
        long groups = Groups(context);
        long length = input[1] / groups * input.Product(2, input.Rank);
        Normalization normalization = new()
        {
            Rows = input[0] * groups,
            Length = length,
            Epsilon = context.Attributes.Float("epsilon", 1e-5f),
            ScaleInput = 1,
            BiasInput = 2,
            SharedBy = context.OperatorSet < 21 ? length : input.Product(2, input.Rank),
            Period = groups,
        };
        context.Emit(
            NormalizationKernel.Create(context.InputElementType(0), normalization, context.Workers) ?? throw context.Unsupported($"element type {context.InputElementType(0).ToOnnxName()}"),
            [context.Input(0), context.Input(1), context.Input(2)], [context.Output(0)]);
    }

    private static long Groups(NodeContext context) => context.Attributes.Int("num_groups", 0);
}
