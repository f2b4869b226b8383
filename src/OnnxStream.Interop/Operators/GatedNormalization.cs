using OnnxStream.Interop.Graphs;

namespace OnnxStream.Interop.Operators;

/// <summary>com.microsoft.GatedRMSNorm: each group of numbers divided by its root mean square, scaled, times the SiLU or the sigmoid of a gate. https://github.com/microsoft/onnxruntime/blob/main/docs/ContribOperators.md</summary>
/// <remarks>Computed in single precision for all types.</remarks>
internal sealed class GatedNormalization : FunctionOperator
{
    /// <inheritdoc/>
    public override void Expand(FunctionContext context)
    {
        Shape shape = context.InputShape(0);
        Shape scale = context.InputShape(1);
        if (!context.InputElementType(0).IsFloat() || scale.Rank != 1 || scale[0] < 1 || shape.Rank < 1 || shape[^1] % scale[0] != 0 || context.InputType(2) != context.InputType(0))
        {
            throw context.Invalid($"the input {context.InputType(0)}, a scale {scale} and a gate {context.InputType(2)} do not fit together");
        }

        Value groups = context.Reshape(context.Cast(context.Input(0), ElementType.Float32), shape.ElementCount / scale[0], scale[0]);
        Value normalized = context.Add("RMSNormalization", [groups, context.Cast(context.Input(1), ElementType.Float32)], ("epsilon", context.Attributes.Float("epsilon", 1e-5f)));
        string activation = context.Attributes.String("activation", "silu") switch
        {
            "silu" or "swish" => "Swish",
            "sigmoid" => "Sigmoid",
            var other => throw context.Invalid($"attribute 'activation' is '{other}', expected silu, swish or sigmoid"),
        };
        Value gate = context.Add(activation, [context.Cast(context.Input(2), ElementType.Float32)]);
        context.SetOutput(0, context.Cast(context.Add("Mul", [context.Reshape(normalized, shape.Dimensions), gate]), context.InputElementType(0)));
    }
}
