using OnnxStream.Interop.Kernels;

namespace OnnxStream.Interop.Operators;

/// <summary>Normalises each channel of each item, then scales and shifts it. https://onnx.ai/onnx/operators/onnx__InstanceNormalization.html (opsets 6 and 22: only types were added).</summary>
internal sealed class InstanceNormalization : Operator
{
    /// <inheritdoc/>
    public override bool CanOverwriteInput => true;

    /// <inheritdoc/>
    public override void Infer(InferenceContext context)
    {
        Shape input = context.InputShape(0);
        if (input.Rank < 3)
        {
            throw context.Invalid("the input must have at least three dimensions");
        }

        for (int i = 1; i <= 2; i++)
        {
            if (context.InputType(i) != new TensorType(context.InputElementType(0), new Shape(input[1])))
            {
                throw context.Invalid($"scale and bias must have the type of the input and the shape [{input[1]}]");
            }
        }

        context.SetOutput(0, context.InputElementType(0), input);
    }

    /// <inheritdoc/>
    public override void Lower(LoweringContext context)
    {
        Shape input = context.InputShape(0);
        long length = input.Product(2, input.Rank);
        Normalization normalization = new()
        {
            Rows = input[0] * input[1],
            Length = length,
            Epsilon = context.Attributes.Float("epsilon", 1e-5f),
            ScaleInput = 1,
            BiasInput = 2,
            SharedBy = length,
            Period = input[1],
        };
        context.Emit(
            NormalizationKernel.Create(context.InputElementType(0), normalization, context.Workers) ?? throw context.Unsupported($"element type {context.InputElementType(0).ToOnnxName()}"),
            [context.Input(0), context.Input(1), context.Input(2)], [context.Output(0)]);
    }
}
