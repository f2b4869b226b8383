using OnnxStream.Interop.Graphs;

namespace OnnxStream.Interop.Operators;

/// <summary>com.microsoft.GemmaRotaryEmbedding: queries and keys turned by angles, given with their turned halves. https://github.com/microsoft/onnxruntime/blob/main/docs/ContribOperators.md</summary>
internal sealed class GemmaRotaryEmbedding : FunctionOperator
{
    /// <inheritdoc/>
    public override void Expand(FunctionContext context)
    {
        Shape angles = context.InputShape(0);
        ElementType type = context.InputElementType(1);
        if (angles.Rank != 3)
        {
            throw context.Invalid($"the angles {angles} must have three dimensions");
        }

        for (int i = 1; i <= 4; i++)
        {
            Shape shape = context.InputShape(i);
            if (shape.Rank != 4 || shape[0] != angles[0] || shape[2] != angles[1] || shape[3] != angles[2] || context.InputType(i) != context.InputType(i <= 2 ? 1 : 3))
            {
                throw context.Invalid($"angles {angles} and input {i}, {context.InputType(i)}, do not fit together");
            }
        }

        Value cosine = Angles("Cos");
        Value sine = Angles("Sin");
        context.SetOutput(0, Turn(1));
        context.SetOutput(1, Turn(3));

        Value Angles(string function) => context.Cast(context.Add("Unsqueeze", [context.Add(function, [context.Input(0)]), context.Integers(1)]), type);

        Value Turn(int index) => context.Add("Add", [context.Add("Mul", [context.Input(index), cosine]), context.Add("Mul", [context.Input(index + 1), sine])]);
    }
}
