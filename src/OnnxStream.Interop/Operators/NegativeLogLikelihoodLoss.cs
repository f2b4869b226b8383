using OnnxStream.Interop.Graphs;

namespace OnnxStream.Interop.Operators;

/// <summary>The negated score of the right class, weighted. https://onnx.ai/onnx/operators/onnx__NegativeLogLikelihoodLoss.html</summary>
/// <remarks>Opsets 12 to 22 differ in types only. Positions whose class is <c>ignore_index</c> count nothing.</remarks>
internal sealed class NegativeLogLikelihoodLoss : FunctionOperator
{
    /// <inheritdoc/>
    public override void Expand(FunctionContext context)
    {
        Shape scores = context.InputShape(0);
        Shape classes = context.InputShape(1);
        context.CheckIndices(1);
        if (scores.Rank < 2 || scores.Rank != classes.Rank + 1 || classes != new Shape([scores[0], .. scores.Dimensions[2..]]))
        {
            throw context.Invalid("scores must be [N, C, d1, …] and classes [N, d1, …]");
        }

        if (context.HasInput(2) && context.InputShape(2) != new Shape(scores[1]))
        {
            throw context.Invalid($"there must be a weight for each of the {scores[1]} classes");
        }

        ElementType type = context.InputElementType(0);
        Value target = context.Input(1);
        Value? weights = null;
        if (context.Attributes.Has("ignore_index"))
        {
            ElementType index = context.InputElementType(1);
            Value ignored = context.Add("Equal", [target, context.Number(index, context.Attributes.Int("ignore_index", 0))]);
            target = context.Add("Where", [ignored, context.Number(index, 0), target]);
            Value counted = context.OptionalInput(2) is { } weight ? context.Add("Gather", [weight, target]) : context.Number(type, 1);
            weights = context.Add("Where", [ignored, context.Number(type, 0), counted]);
        }
        else if (context.OptionalInput(2) is { } weight)
        {
            weights = context.Add("Gather", [weight, target]);
        }

        Value right = context.Add("GatherElements", [context.Input(0), context.Add("Unsqueeze", [target, context.Integers(1)])], ("axis", 1));
        Value loss = context.Add("Neg", [context.Add("Squeeze", [right, context.Integers(1)])]);
        if (weights is not null)
        {
            loss = context.Add("Mul", [loss, weights]);
        }

        string reduction = context.Attributes.String("reduction", "mean");
        context.SetOutput(0, reduction switch
        {
            "none" => loss,
            "sum" => Sum(loss),
            "mean" when weights is null => context.Add("ReduceMean", [loss], ("keepdims", 0)),
            "mean" => context.Add("Div", [Sum(loss), Sum(weights)]),
            _ => throw context.Invalid($"reduction '{reduction}' is none of none, sum, mean"),
        });

        Value Sum(Value value) => context.Add("ReduceSum", [value], ("keepdims", 0));
    }
}
