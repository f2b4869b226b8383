using System.Numerics;
using OnnxStream.Interop.Graphs;
using OnnxStream.Interop.Kernels;
using OnnxStream.Interop.Steps;

namespace OnnxStream.Interop.Operators;

/// <summary>min(max(x, low), high). https://onnx.ai/onnx/operators/onnx__Clip.html</summary>
/// <remarks>The bounds are attributes before opset 11, optional scalar inputs since; 12 added integers. Where low exceeds high, everything becomes high.</remarks>
internal sealed class Clip : Operator
{
    /// <inheritdoc/>
    public override bool CanOverwriteInput => true;

    /// <inheritdoc/>
    public override bool TakesHalf(Node node) => true;

    /// <inheritdoc/>
    public override void Infer(InferenceContext context)
    {
        ElementType type = context.InputElementType(0);
        for (int i = 1; i <= 2 && context.OperatorSet >= 11; i++)
        {
            if (context.HasInput(i) && (context.InputElementType(i) != type || context.InputShape(i).ElementCount != 1))
            {
                throw context.Invalid($"the bounds must be scalars of the type of the input, {type.ToOnnxName()}");
            }
        }

        context.SetOutput(0, type, context.InputShape(0));
    }

    /// <inheritdoc/>
    public override void Lower(LoweringContext context)
    {
        PlanTensor input = context.Input(0);
        List<PlanTensor> inputs = [input];
        int low = 0;
        int high = 0;
        if (context.OperatorSet >= 11)
        {
            if (context.OptionalInput(1) is { } minimum)
            {
                low = inputs.Count;
                inputs.Add(minimum);
            }

            if (context.OptionalInput(2) is { } maximum)
            {
                high = inputs.Count;
                inputs.Add(maximum);
            }
        }

        Kernel kernel = NumericKernels.Create(input.ElementType, new Factory(
            input.Shape, low, high,
            context.OperatorSet < 11 ? context.Attributes.Float("min", float.MinValue) : float.NegativeInfinity,
            context.OperatorSet < 11 ? context.Attributes.Float("max", float.MaxValue) : float.PositiveInfinity)) ??
            throw context.Unsupported($"element type {input.ElementType.ToOnnxName()}");
        context.Emit(kernel, [.. inputs], [context.Output(0)]);
    }

    private readonly struct Factory(Shape shape, int lowInput, int highInput, float low, float high) : INumericKernelFactory
    {
        public Kernel Create<T>()
            where T : unmanaged, INumber<T>, IMinMaxValue<T> => new ClipKernel<T>(shape, lowInput, highInput, T.CreateSaturating(low), T.CreateSaturating(high));
    }
}
