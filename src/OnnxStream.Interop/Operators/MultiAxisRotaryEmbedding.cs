using OnnxStream.Interop.Graphs;
using OnnxStream.Interop.Tensors;

namespace OnnxStream.Interop.Operators;

/// <summary>com.microsoft.MRotaryEmbedding: heads turned by angles of a time, a row and a column, each of which decides about a part of the pairs. https://github.com/microsoft/onnxruntime/blob/main/docs/ContribOperators.md</summary>
internal sealed class MultiAxisRotaryEmbedding : FunctionOperator
{
    /// <inheritdoc/>
    public override void Expand(FunctionContext context)
    {
        Shape input = context.InputShape(0);
        Shape positions = context.InputShape(1);
        Shape angles = context.InputShape(2);
        long[] sections = context.Attributes.Ints("mrope_section") ?? [];
        long layout = context.Attributes.Int("mrope_layout", 0);
        if (input.Rank is not (3 or 4) || positions.Rank != 3 || positions[0] != 3 || angles.Rank != 2 || context.InputShape(3) != angles || layout is not (0 or 1))
        {
            throw context.Invalid($"the input {input}, positions {positions}, cosines {angles}, sines {context.InputShape(3)} and the layout {layout} do not fit together");
        }

        if (sections.Length != 3 || sections.Any(section => section < 0 || section > angles[1]) || sections.Sum() != angles[1])
        {
            throw context.Invalid($"mrope_section is [{Listing.Of(sections)}], expected three numbers whose sum is {angles[1]}");
        }

        long turned = context.Attributes.Int("rotary_embedding_dim", 0);
        long heads = context.Attributes.Int("num_heads", 0);
        heads = heads == 0 && input.Rank == 3 ? input[2] / Math.Max(1, 2 * angles[1]) : heads;
        if (turned != 0 && turned != 2 * angles[1])
        {
            throw context.Invalid($"rotary_embedding_dim is {turned}, but there are {angles[1]} angles");
        }

        bool[] isRow = [.. Enumerable.Range(0, (int)angles[1]).Select(pair => layout == 0 ? pair >= sections[0] && pair < sections[0] + sections[1] : pair % 3 == 1 && pair < 3 * sections[1])];
        bool[] isColumn = [.. Enumerable.Range(0, (int)angles[1]).Select(pair => layout == 0 ? pair >= sections[0] + sections[1] : pair % 3 == 2 && pair < 3 * sections[2])];
        Value values = input.Rank == 3 ? ScaledDotProduct.SplitHeads(context, context.Input(0), heads) : context.Input(0);
        Value rotated = ScaledDotProduct.Rotate(context, values, Angles(2), Angles(3), context.Attributes.Int("interleaved", 0) != 0);
        if (context.Attributes.Float("scale", 1) is not 1 and var scale)
        {
            rotated = context.Add("Mul", [rotated, context.Number(context.InputElementType(0), scale)]);
        }

        context.SetOutput(0, input.Rank == 3 ? ScaledDotProduct.MergeHeads(context, rotated) : rotated);

        Value Angles(int index)
        {
            Value rows = context.Add("Where", [context.Constant<bool>(isRow, isRow.Length), OfAxis(1), OfAxis(0)]);
            return context.Add("Where", [context.Constant<bool>(isColumn, isColumn.Length), OfAxis(2), rows]);

            Value OfAxis(long axis) =>
                context.Add("Gather", [context.Input(index), context.Reshape(context.Slice(context.Input(1), 0, axis, axis + 1), positions[1], positions[2])], ("axis", 0));
        }
    }
}
