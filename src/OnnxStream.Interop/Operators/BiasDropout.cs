using OnnxStream.Interop.Graphs;

namespace OnnxStream.Interop.Operators;

/// <summary>com.microsoft.BiasDropout: the sum of data and a bias through Dropout, and what is added to it. https://github.com/microsoft/onnxruntime/blob/main/docs/ContribOperators.md</summary>
internal sealed class BiasDropout : FunctionOperator
{
    /// <inheritdoc/>
    public override void Expand(FunctionContext context)
    {
        Value[] dropped = context.AddMany("Dropout", 2, [context.Add("Add", [context.Input(0), context.Input(1)]), context.OptionalInput(3), context.OptionalInput(4)], context.Attributes.Has("seed") ? [("seed", context.Attributes.Int("seed", 0))] : []);
        context.SetOutput(0, context.OptionalInput(2) is { } residual ? context.Add("Add", [dropped[0], residual]) : dropped[0]);
        context.SetOutput(1, dropped[1]);
    }
}
