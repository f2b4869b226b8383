using OnnxStream.Interop.Graphs;
using OnnxStream.Interop.Kernels;
using OnnxStream.Interop.Steps;

namespace OnnxStream.Interop.Operators;

/// <summary>Returns its input, and shows the elements to somebody (<see cref="ObserveFusion"/>) if they are single precision. Nothing is copied.</summary>
/// <remarks>A constant is not shown: it is not computed in a run.</remarks>
internal sealed class Observe : Operator
{
    /// <summary>The name of the operator.</summary>
    public const string Name = "Observe";

    /// <inheritdoc/>
    public override void Infer(InferenceContext context)
    {
        context.SetOutput(0, context.InputElementType(0), context.InputShape(0));
        if (context.ConstantInput(0) is { } constant)
        {
            context.SetConstantOutput(0, constant);
        }
    }

    /// <inheritdoc/>
    public override void Lower(LoweringContext context)
    {
        PlanTensor input = context.Input(0);
        if (input.ElementType == ElementType.Float32)
        {
            context.Emit(new ObserveKernel(input.ElementCount, context.Fusion<ObserveFusion>().Observer), [input], []);
        }

        context.View(0, input);
    }
}

/// <summary>Who looks at a value.</summary>
/// <param name="Observer">Is shown the elements.</param>
internal sealed record ObserveFusion(IValueObserver Observer) : NodeFusion;
