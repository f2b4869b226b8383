using OnnxStream.Interop.Kernels;
using OnnxStream.Interop.Kernels.Xnnpack;

namespace OnnxStream.Interop.Operators;

/// <summary>Internal: rows times a constant matrix plus a constant bias, for tensors of any number of dimensions. Made by the pass that fuses biases.</summary>
internal sealed class FullyConnected : Operator
{
    /// <summary>The operator type.</summary>
    public const string Name = "FullyConnected";

    /// <inheritdoc/>
    public override void Infer(InferenceContext context)
    {
        Shape input = context.InputShape(0);
        Shape weight = context.InputShape(1);
        if (input.Rank == 0 || weight.Rank != 2 || input[^1] != weight[0] || context.InputShape(2) != new Shape(weight[1]) || context.ConstantInput(1) is null)
        {
            throw context.Invalid("data, constant weight [K,N] and bias [N] do not fit together");
        }

        context.SetOutput(0, ElementType.Float32, input.With(input.Rank - 1, weight[1]));
    }

    /// <inheritdoc/>
    public override void Lower(LoweringContext context)
    {
        Shape input = context.InputShape(0);
        Shape weight = context.InputShape(1);
        PanelWeights panels = new(context.ConstantInput(1), PanelLayout.InputMajor, checked((int)weight[1]), checked((int)weight[0])) { Bias = context.ConstantInput(2) };
        context.Emit(new XnnFullyConnected(panels, hasBias: true, input.Product(0, input.Rank - 1), context.Workers), [context.Input(0), context.Input(2)], [context.Output(0)]);
    }
}
