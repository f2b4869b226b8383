using OnnxStream.Interop.Graphs;

namespace OnnxStream.Interop.Operators;

/// <summary>com.microsoft.SkipLayerNormalization and SkipSimplifiedLayerNormalization: a sum that is normalised. https://github.com/microsoft/onnxruntime/blob/main/docs/ContribOperators.md</summary>
/// <param name="isUncentered">Whether the mean stays (simplified).</param>
/// <remarks>Mean and deviation, outputs 1 and 2, are for training and not supported; output 3 is the sum.</remarks>
internal sealed class SkipNormalization(bool isUncentered) : FunctionOperator
{
    /// <inheritdoc/>
    public override void Expand(FunctionContext context)
    {
        Value sum = context.Add("Add", [context.Input(0), context.Input(1)]);
        if (context.OptionalInput(isUncentered ? 3 : 4) is { } bias)
        {
            sum = context.Add("Add", [sum, bias]);
        }

        (string, object)[] attributes = [("axis", -1), ("epsilon", context.Attributes.Float("epsilon", 1e-12f))];
        context.SetOutput(0, isUncentered
            ? context.Add("RMSNormalization", [sum, context.Input(2)], attributes)
            : context.Add("LayerNormalization", [sum, context.Input(2), context.OptionalInput(3)], attributes));
        context.SetOutput(3, sum);
    }
}
