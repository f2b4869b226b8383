using OnnxStream.Interop.Tensors;

namespace OnnxStream.Interop.Operators;

/// <summary>Gives the elements another shape. https://onnx.ai/onnx/operators/onnx__Reshape.html</summary>
/// <remarks>Opset 5 made the shape an input, 14 added <c>allowzero</c>. One dimension may be -1 (whatever is left), 0 copies the input's.</remarks>
internal sealed class Reshape : ViewOperator
{
    /// <inheritdoc/>
    protected override Shape OutputShape(InferenceContext context)
    {
        Shape input = context.InputShape(0);
        long[] requested = context.RequireIntegers(1);
        bool allowZero = context.Attributes.Int("allowzero", 0) != 0;
        long[] result = new long[requested.Length];
        int open = -1;
        long known = 1;
        for (int i = 0; i < result.Length; i++)
        {
            long dimension = requested[i];
            if (dimension == 0 && !allowZero)
            {
                dimension = i < input.Rank ? input[i] : throw context.Invalid($"dimension {i} of the requested shape [{Listing.Of(requested)}] is 0 but the input has only {input.Rank} dimensions");
            }

            if (dimension == -1 && open < 0)
            {
                open = i;
                continue;
            }

            if (dimension < 0)
            {
                throw context.Invalid($"the requested shape [{Listing.Of(requested)}] is not a shape");
            }

            result[i] = dimension;
            known = checked(known * dimension);
        }

        if (open >= 0)
        {
            result[open] = known == 0 ? 0 : input.ElementCount / known;
        }

        Shape shape = new(result);
        return shape.ElementCount == input.ElementCount
            ? shape
            : throw context.Invalid($"{input.ElementCount} elements do not fill the requested shape [{Listing.Of(requested)}]");
    }
}
