using OnnxStream.Interop.Graphs;

namespace OnnxStream.Interop.Operators;

/// <summary>Turns heads by angles that depend on the position. https://onnx.ai/onnx/operators/onnx__RotaryEmbedding.html (opset 23)</summary>
/// <param name="isMicrosoft">Whether it is the one of domain com.microsoft: positions are input 1, and may be the first of consecutive ones.</param>
internal sealed class RotaryEmbedding(bool isMicrosoft) : FunctionOperator
{
    /// <inheritdoc/>
    public override void Expand(FunctionContext context)
    {
        Shape input = context.InputShape(0);
        (int cosines, int sines, int positions) = isMicrosoft ? (2, 3, 1) : (1, 2, 3);
        Shape angles = context.InputShape(cosines);
        if (input.Rank is not (3 or 4) || angles.Rank is not (2 or 3) || context.InputShape(sines) != angles)
        {
            throw context.Invalid($"the input has the shape {input}, the cosines {angles}, the sines {context.InputShape(sines)}, expected three or four dimensions, and twice the same two or three");
        }

        long turned = context.Attributes.Int("rotary_embedding_dim", 0);
        long heads = context.Attributes.Int("num_heads", 0);
        if (heads == 0 && isMicrosoft && input.Rank == 3)
        {
            heads = input[2] / Math.Max(1, 2 * angles[^1]);
        }

        if (turned != 0 && turned != 2 * angles[^1])
        {
            throw context.Invalid($"rotary_embedding_dim is {turned}, but there are {angles[^1]} angles");
        }

        Value values = input.Rank == 3 ? ScaledDotProduct.SplitHeads(context, context.Input(0), heads) : context.Input(0);
        Value rotated = ScaledDotProduct.Rotate(context, values, Angles(cosines), Angles(sines), context.Attributes.Int("interleaved", 0) != 0);
        if (context.Attributes.Float("scale", 1) is not 1 and var scale)
        {
            rotated = context.Add("Mul", [rotated, context.Number(context.InputElementType(0), scale)]);
        }

        context.SetOutput(0, input.Rank == 3 ? ScaledDotProduct.MergeHeads(context, rotated) : rotated);

        Value Angles(int index)
        {
            if (context.OptionalInput(positions) is not { } places)
            {
                return context.Input(index);
            }

            if (places.Type!.Value.Shape.Rank < 2)
            {
                long length = values.Type!.Value.Shape[2];
                Value counted = context.Add("Range", [context.Constant<long>([0]), context.Constant<long>([length]), context.Constant<long>([1])]);
                places = context.Reshape(context.Add("Add", [counted, places]), 1, length);
            }

            return context.InputShape(index).Rank == 2
                ? context.Add("Gather", [context.Input(index), places], ("axis", 0))
                : throw context.Invalid($"input {index} must have two dimensions where positions are given");
        }
    }
}
