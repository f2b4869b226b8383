using OnnxStream.Interop.Graphs;
using OnnxStream.Interop.Kernels;
using OnnxStream.Interop.Steps;

namespace OnnxStream.Interop.Operators;

/// <summary>Reverses the beginnings of sequences, each of its own length. https://onnx.ai/onnx/operators/onnx__ReverseSequence.html (opset 10).</summary>
internal sealed class ReverseSequence : Operator
{
    /// <inheritdoc/>
    public override bool TakesHalf(Node node) => true;

    /// <inheritdoc/>
    public override void Infer(InferenceContext context)
    {
        Shape input = context.InputShape(0);
        long batchAxis = context.Attributes.Int("batch_axis", 1);
        long timeAxis = context.Attributes.Int("time_axis", 0);
        if (input.Rank < 2 || (batchAxis, timeAxis) is not ((0, 1) or (1, 0)))
        {
            throw context.Invalid($"batch axis {batchAxis} and time axis {timeAxis} must be the two outermost dimensions");
        }

        context.CheckIndices(1);
        if (context.InputShape(1) != new Shape(input[(int)batchAxis]))
        {
            throw context.Invalid("there must be one sequence length for each sequence");
        }

        context.SetOutput(0, context.InputElementType(0), input);
    }

    /// <inheritdoc/>
    public override void Lower(LoweringContext context)
    {
        PlanTensor output = context.Output(0);
        if (output.ElementCount > 0)
        {
            Shape shape = output.Shape;
            bool isTimeFirst = context.Attributes.Int("time_axis", 0) == 0;
            (long batch, long time) = isTimeFirst ? (shape[1], shape[0]) : (shape[0], shape[1]);
            context.Emit(
                new ReverseSequenceKernel(batch, time, isTimeFirst, shape.Product(2, shape.Rank) * output.ElementType.SizeOf()),
                [context.Input(0), context.Input(1)], [output]);
        }
    }
}
