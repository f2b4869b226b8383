using OnnxStream.Interop.Graphs;

namespace OnnxStream.Interop.Operators;

/// <summary>1 with the probability that the input is, else 0. https://onnx.ai/onnx/operators/onnx__Bernoulli.html (opset 22 only added a type).</summary>
internal sealed class Bernoulli : FunctionOperator
{
    /// <inheritdoc/>
    public override void Expand(FunctionContext context)
    {
        ElementType type = (ElementType)context.Attributes.Int("dtype", (long)context.InputElementType(0));
        List<(string, object)> attributes = context.Attributes.Has("seed") ? [("seed", context.Attributes.Float("seed", 0))] : [];
        Value random = context.Add("RandomUniformLike", [context.Input(0)], [.. attributes]);
        context.SetOutput(0, context.Cast(context.Add("Less", [random, context.Input(0)]), type));
    }
}
