namespace OnnxStream.Interop.Operators;

/// <summary>com.microsoft.ConvTransposeWithDynamicPads: a transposed convolution whose pads are an input. https://github.com/microsoft/onnxruntime/blob/main/docs/ContribOperators.md</summary>
/// <remarks>Pads must be known when planning.</remarks>
internal sealed class ConvTransposeOfInput : FunctionOperator
{
    /// <inheritdoc/>
    public override void Expand(FunctionContext context)
    {
        List<(string, object)> attributes = [.. context.Attributes.All.Select(pair => (pair.Key, pair.Value))];
        if (context.HasInput(2))
        {
            attributes.Add(("pads", context.RequireIntegers(2)));
        }

        context.SetOutput(0, context.Add("ConvTranspose", [context.Input(0), context.Input(1), context.OptionalInput(3)], [.. attributes]));
    }
}
