using OnnxStream.Interop.Graphs;
using OnnxStream.Interop.Tensors;

namespace OnnxStream.Interop.Operators;

/// <summary>An operator that gives its first input another shape and leaves the elements as they are: nothing is copied, and a weight stays in its file.</summary>
internal abstract class ViewOperator : Operator
{
    /// <inheritdoc/>
    public sealed override bool StoresAlike => true;

    /// <summary>Elements that are stored together must stay in their row.</summary>
    public sealed override bool StoresAlikeIn(Node node, RowFormat format) =>
        format.Together == 1 || (node.Inputs[0]!.Type!.Value.Shape is { Rank: > 0 } from && node.Outputs[0]!.Type!.Value.Shape is { Rank: > 0 } to && from[^1] == to[^1]);

    /// <inheritdoc/>
    public sealed override void Infer(InferenceContext context)
    {
        Shape shape = OutputShape(context);
        context.SetOutput(0, context.InputElementType(0), shape);
        if (context.ConstantInput(0) is { } constant)
        {
            context.SetConstantOutput(0, constant.WithShape(shape));
        }
    }

    /// <inheritdoc/>
    public sealed override void Lower(LoweringContext context) => context.View(0, context.Input(0));

    /// <summary>The new shape, with as many elements as the input's.</summary>
    /// <exception cref="InvalidGraphException">There is none.</exception>
    protected abstract Shape OutputShape(InferenceContext context);
}
