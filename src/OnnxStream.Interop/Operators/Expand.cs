using OnnxStream.Interop.Graphs;
using OnnxStream.Interop.Steps;

namespace OnnxStream.Interop.Operators;

/// <summary>Repeats a tensor by NumPy's broadcasting rule. https://onnx.ai/onnx/operators/onnx__Expand.html (opset 13 only added types).</summary>
/// <remarks>The rule works both ways: a requested dimension of 1 leaves the tensor's as it is.</remarks>
internal sealed class Expand : Operator
{
    /// <inheritdoc/>
    public override bool TakesHalf(Node node) => true;

    /// <inheritdoc/>
    public override void Infer(InferenceContext context) =>
        context.SetOutput(0, context.InputElementType(0), context.Broadcast(context.InputShape(0), context.ToShape(context.RequireIntegers(1))));

    /// <inheritdoc/>
    public override void Lower(LoweringContext context)
    {
        PlanTensor input = context.Input(0);
        Shape output = context.OutputShape(0);
        long[] own = input.Shape.RowMajorStrides();
        long[] strides = new long[output.Rank];
        for (int i = 0; i < own.Length; i++)
        {
            strides[output.Rank - own.Length + i] = input.Shape[i] == 1 ? 0 : own[i];
        }

        Slice.Emit(context, input, strides, 0, 0);
    }
}
