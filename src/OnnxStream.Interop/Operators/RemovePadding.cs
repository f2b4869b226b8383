using OnnxStream.Interop.Graphs;
using OnnxStream.Interop.Tensors;

namespace OnnxStream.Interop.Operators;

/// <summary>com.microsoft.RemovePadding: the tokens of sequences that are filled up at their ends, without padding. https://github.com/microsoft/onnxruntime/blob/main/docs/ContribOperators.md</summary>
/// <remarks>The lengths of the sequences must be known when planning: they say how many tokens there are.</remarks>
internal sealed class RemovePadding : FunctionOperator
{
    /// <inheritdoc/>
    public override void Expand(FunctionContext context)
    {
        Shape shape = context.InputShape(0);
        if (shape.Rank != 3 || context.InputType(1) != new TensorType(ElementType.Int32, new Shape(shape[0])) || shape[0] * shape[1] > int.MaxValue)
        {
            throw context.Invalid($"sequences {shape} and their lengths {context.InputType(1)} must be [batch, length, size] and int32 [batch]");
        }

        long[] lengths = context.RequireIntegers(1);
        if (Array.Exists(lengths, length => length < 0 || length > shape[1]))
        {
            throw context.Invalid($"the lengths [{Listing.Of(lengths)}] must be from 0 to {shape[1]}");
        }

        List<int> tokens = [];
        List<int> padding = [];
        List<int> ends = [0];
        for (int item = 0; item < lengths.Length; item++)
        {
            for (int position = 0; position < shape[1]; position++)
            {
                (position < lengths[item] ? tokens : padding).Add(item * (int)shape[1] + position);
            }

            ends.Add(tokens.Count);
        }

        Value places = context.Constant<long>([.. tokens.Select(place => (long)place)], tokens.Count);
        context.SetOutput(0, context.Add("Gather", [context.Reshape(context.Input(0), shape[0] * shape[1], shape[2]), places], ("axis", 0)));
        context.SetOutput(1, context.Constant<int>([.. tokens, .. padding], shape[0], shape[1]));
        context.SetOutput(2, context.Constant<int>([.. ends], ends.Count));
        context.SetOutput(3, context.Constant<int>([(int)lengths.DefaultIfEmpty().Max()], 1));
    }
}
