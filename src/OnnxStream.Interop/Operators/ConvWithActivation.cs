using OnnxStream.Interop.Graphs;

namespace OnnxStream.Interop.Operators;

/// <summary>com.microsoft.FusedConv, NhwcFusedConv and NhwcConv: a convolution, the sum of it and another tensor, and an activation. https://github.com/microsoft/onnxruntime/blob/main/docs/ContribOperators.md</summary>
/// <param name="channelsLast">Whether channels are the last dimension of all tensors but the weight.</param>
internal sealed class ConvWithActivation(bool channelsLast) : FunctionOperator
{
    private const string Parameters = "activation_params";

    /// <inheritdoc/>
    public override void Expand(FunctionContext context)
    {
        (string, object)[] attributes = [.. context.Attributes.All.Where(pair => pair.Key is not ("activation" or Parameters)).Select(pair => (pair.Key, pair.Value))];
        Value input = channelsLast ? ChannelsLastOperator.ToFirst(context, context.Input(0)) : context.Input(0);
        Value result = context.Add("Conv", [input, context.Input(1), context.OptionalInput(2)], attributes);
        result = channelsLast ? ChannelsLastOperator.ToLast(context, result) : result;
        if (context.OptionalInput(3) is { } other)
        {
            if (other.Type!.Value != result.Type!.Value)
            {
                throw context.Invalid($"input 3 is {other.Type}, and cannot be added to {result.Type}");
            }

            result = context.Add("Add", [result, other]);
        }

        float[] parameters = context.Attributes.Floats(Parameters) ?? [];
        context.SetOutput(0, NamedActivation.Apply(context, result, (index, _) => index < parameters.Length ? parameters[index] : null));
    }
}
