using OnnxStream.Interop.Kernels;
using OnnxStream.Interop.Steps;
using OnnxStream.Interop.Tensors;

namespace OnnxStream.Interop.Operators;

/// <summary>Undoes MaxPool with the indices that it gave. https://onnx.ai/onnx/operators/onnx__MaxUnpool.html (opsets 9 to 22: only types were added).</summary>
internal sealed class MaxUnpool : Operator
{
    /// <inheritdoc/>
    public override void Infer(InferenceContext context)
    {
        Shape input = context.InputShape(0);
        if (input.Rank < 3 || context.InputShape(1) != input || context.InputElementType(1) != ElementType.Int64)
        {
            throw context.Invalid("the data must have at least three dimensions, and the int64 indices the same shape");
        }

        long[] kernel = context.Attributes.Ints("kernel_shape") ?? throw context.Invalid("attribute 'kernel_shape' is missing");
        if (kernel.Length != input.Rank - 2)
        {
            throw context.Invalid($"kernel_shape [{Listing.Of(kernel)}] does not fit an input with {input.Rank - 2} spatial dimensions");
        }

        SpatialAttributes spatial = SpatialAttributes.Parse(context, kernel, input.Dimensions[2..]);
        long[] shape = input.ToArray();
        for (int i = 0; i < kernel.Length; i++)
        {
            shape[i + 2] = checked((input[i + 2] - 1) * spatial.Strides[i] - spatial.PadsBegin[i] - spatial.PadsEnd[i] + kernel[i]);
        }

        if (context.HasInput(2))
        {
            long[] requested = context.RequireIntegers(2);
            if (requested.Length != shape.Length || requested.Where((length, i) => length < shape[i]).Any())
            {
                throw context.Invalid($"the requested shape [{Listing.Of(requested)}] is smaller than [{Listing.Of(shape)}]");
            }

            shape = requested;
        }

        context.SetOutput(0, context.InputElementType(0), context.ToShape(shape));
    }

    /// <inheritdoc/>
    public override void Lower(LoweringContext context)
    {
        PlanTensor input = context.Input(0);
        PlanTensor output = context.Output(0);
        context.Emit(new MaxUnpoolKernel(input.ElementType.SizeOf(), input.ElementCount, output.ElementCount), [input, context.Input(1)], [output]);
    }
}
