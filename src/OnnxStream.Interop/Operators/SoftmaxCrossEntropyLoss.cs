using OnnxStream.Interop.Graphs;

namespace OnnxStream.Interop.Operators;

/// <summary>The negative log likelihood of classes whose scores go through a softmax. https://onnx.ai/onnx/operators/onnx__SoftmaxCrossEntropyLoss.html</summary>
/// <remarks>Opsets 12 and 13 differ in types only. The second output is the logarithm of the softmax.</remarks>
internal sealed class SoftmaxCrossEntropyLoss : FunctionOperator
{
    /// <inheritdoc/>
    public override void Expand(FunctionContext context)
    {
        if (context.InputShape(0).Rank < 2)
        {
            throw context.Invalid("the scores must be [N, C, d1, …]");
        }

        Value logarithms = context.Add("LogSoftmax", [context.Input(0)], ("axis", 1));
        List<(string, object)> attributes = [("reduction", context.Attributes.String("reduction", "mean"))];
        if (context.Attributes.Has("ignore_index"))
        {
            attributes.Add(("ignore_index", context.Attributes.Int("ignore_index", 0)));
        }

        context.SetOutput(0, context.Add("NegativeLogLikelihoodLoss", [logarithms, context.Input(1), context.OptionalInput(2)], [.. attributes]));
        context.SetOutput(1, logarithms);
    }
}
