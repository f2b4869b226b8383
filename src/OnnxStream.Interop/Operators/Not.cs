using OnnxStream.Interop.Kernels;
using OnnxStream.Interop.Steps;

namespace OnnxStream.Interop.Operators;

/// <summary>The opposite of truth values. https://onnx.ai/onnx/operators/onnx__Not.html (opset 1).</summary>
internal sealed class Not : Operator
{
    /// <inheritdoc/>
    public override void Infer(InferenceContext context)
    {
        if (context.InputElementType(0) != ElementType.Bool)
        {
            throw context.Invalid("the input must be bool");
        }

        context.SetOutput(0, ElementType.Bool, context.InputShape(0));
    }

    /// <inheritdoc/>
    public override void Lower(LoweringContext context)
    {
        PlanTensor input = context.Input(0);
        context.Emit(new UnaryKernel<bool, bool, NotFunction>(input.Shape, default), [input], [context.Output(0)]);
    }

    private readonly struct NotFunction : IUnaryFunction<bool, bool>
    {
        public void Invoke(ReadOnlySpan<bool> input, Span<bool> output)
        {
            for (int i = 0; i < input.Length; i++)
            {
                output[i] = !input[i];
            }
        }
    }
}
