using OnnxStream.Interop.Graphs;
using OnnxStream.Interop.Tensors;

namespace OnnxStream.Interop.Operators;

/// <summary>Cuts off, or fills up with zeros, on both sides of dimensions. https://onnx.ai/onnx/operators/onnx__CenterCropPad.html (opset 18)</summary>
/// <remarks>Where the difference is odd, the end gets the larger part of it.</remarks>
internal sealed class CenterCropPad : FunctionOperator
{
    /// <inheritdoc/>
    public override void Expand(FunctionContext context)
    {
        Shape input = context.InputShape(0);
        int[] axes = context.Attributes.Ints("axes") is { } given ? context.Axes(given, input.Rank) : [.. Enumerable.Range(0, input.Rank)];
        long[] lengths = context.RequireIntegers(1);
        if (lengths.Length != axes.Length || lengths.Any(length => length < 0))
        {
            throw context.Invalid($"the shape [{Listing.Of(lengths)}] is not one of {axes.Length} dimensions");
        }

        Value result = context.Input(0);
        long[] pads = new long[2 * input.Rank];
        for (int i = 0; i < axes.Length; i++)
        {
            long difference = lengths[i] - input[axes[i]];
            if (difference < 0)
            {
                long start = -difference / 2;
                result = context.Slice(result, axes[i], start, start + lengths[i]);
            }
            else
            {
                pads[axes[i]] = difference / 2;
                pads[input.Rank + axes[i]] = difference - difference / 2;
            }
        }

        context.SetOutput(0, pads.Any(pad => pad > 0) ? context.Add("Pad", [result, context.Integers(pads)]) : result);
    }
}
