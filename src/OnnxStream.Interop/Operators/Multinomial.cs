using OnnxStream.Interop.Graphs;

namespace OnnxStream.Interop.Operators;

/// <summary>Draws numbers of classes, with the probabilities that the input is the logarithms of. https://onnx.ai/onnx/operators/onnx__Multinomial.html (opset 22 only added a type)</summary>
/// <remarks>
/// The largest sum of a logarithm and a number of Gumbel's distribution is at each class with its probability (E. J. Gumbel, "Statistical Theory of Extreme Values and
/// Some Practical Applications", 1954). With a <c>seed</c> every run gives the same numbers, which are not those of any other library.
/// </remarks>
internal sealed class Multinomial : FunctionOperator
{
    /// <inheritdoc/>
    public override void Expand(FunctionContext context)
    {
        Shape input = context.InputShape(0);
        long samples = context.Attributes.Int("sample_size", 1);
        ElementType type = (ElementType)context.Attributes.Int("dtype", (long)ElementType.Int32);
        if (input.Rank != 2 || input[1] == 0 || samples < 0 || type is not (ElementType.Int32 or ElementType.Int64))
        {
            throw context.Invalid($"the input must be [items, classes] with at least one class, sample_size must not be negative, and dtype must be int32 or int64, found {input}, {samples} and {type.ToOnnxName()}");
        }

        List<(string, object)> attributes = [("shape", (long[])[input[0], samples, input[1]])];
        if (context.Attributes.Has("seed"))
        {
            attributes.Add(("seed", context.Attributes.Float("seed", 0)));
        }

        Value random = context.Add("RandomUniform", [], [.. attributes]);
        Value noise = context.Add("Neg", [context.Add("Log", [context.Add("Neg", [context.Add("Log", [random])])])]);
        Value logarithms = context.Add("Unsqueeze", [context.Cast(context.Input(0), ElementType.Float32), context.Integers(1)]);
        context.SetOutput(0, context.Cast(context.Add("ArgMax", [context.Add("Add", [logarithms, noise])], ("axis", 2), ("keepdims", 0)), type));
    }
}
