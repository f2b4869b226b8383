using OnnxStream.Interop.Kernels;
using OnnxStream.Interop.Steps;
using OnnxStream.Interop.Tensors;

namespace OnnxStream.Interop.Operators;

/// <summary>Repeats a tensor along each dimension. https://onnx.ai/onnx/operators/onnx__Tile.html</summary>
/// <remarks>Opset 6 made the repeats one input with a number for each dimension; 13 only added types.</remarks>
internal sealed class Tile : Operator
{
    /// <inheritdoc/>
    public override void Infer(InferenceContext context)
    {
        Shape input = context.InputShape(0);
        long[] repeats = context.RequireIntegers(1);
        if (repeats.Length != input.Rank || repeats.Any(repeat => repeat < 0))
        {
            throw context.Invalid($"repeats [{Listing.Of(repeats)}] must be one number from 0 on for each of the {input.Rank} dimensions");
        }

        context.SetOutput(0, context.InputElementType(0), new Shape([.. repeats.Select((repeat, i) => checked(repeat * input[i]))]));
    }

    /// <inheritdoc/>
    public override void Lower(LoweringContext context)
    {
        PlanTensor input = context.Input(0);
        PlanTensor output = context.Output(0);
        if (output.ElementCount == 0)
        {
            return;
        }

        // Each dimension is two: the repeats, which do not move in the input, and the dimension itself.
        long[] own = input.Shape.RowMajorStrides();
        long[] dimensions = new long[2 * own.Length];
        long[] strides = new long[2 * own.Length];
        for (int i = 0; i < own.Length; i++)
        {
            dimensions[2 * i] = output.Shape[i] / input.Shape[i];
            dimensions[2 * i + 1] = input.Shape[i];
            strides[2 * i + 1] = own[i];
        }

        context.Emit(new StridedCopy(input.ElementType.SizeOf(), new Shape(dimensions), strides, 0), [input], [output]);
    }
}
