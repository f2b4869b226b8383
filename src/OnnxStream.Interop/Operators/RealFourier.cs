using OnnxStream.Interop.Graphs;

namespace OnnxStream.Interop.Operators;

/// <summary>com.microsoft.Rfft and Irfft: the one-sided Fourier transform of real numbers over the last dimensions, and its inverse. https://github.com/microsoft/onnxruntime/blob/main/docs/ContribOperators.md</summary>
/// <param name="isInverse">Whether it is the inverse.</param>
internal sealed class RealFourier(bool isInverse) : FunctionOperator
{
    /// <inheritdoc/>
    public override void Expand(FunctionContext context)
    {
        Shape shape = context.InputShape(0);
        int dimensions = (int)Math.Clamp(context.Attributes.Int("signal_ndim", 1), 0, 4);
        if (context.Attributes.Int("normalized", 0) != 0 || context.Attributes.Int("onesided", 1) != 1)
        {
            throw context.Unsupported("a transform that is normalized or two-sided");
        }

        if (dimensions is < 1 or > 3 || shape.Rank < dimensions + (isInverse ? 1 : 0) || (isInverse && shape[^1] != 2))
        {
            throw context.Invalid($"{shape} has no {dimensions} dimensions to transform");
        }

        // The last dimension of real numbers is halved, the others are complex.
        int last = isInverse ? shape.Rank - 2 : shape.Rank - 1;
        Value numbers = isInverse ? context.Input(0) : Transform(context.Add("Unsqueeze", [context.Input(0), context.Integers(-1)]), last, isOneSided: true);
        for (int axis = last - dimensions + 1; axis < last; axis++)
        {
            numbers = Transform(numbers, axis, isOneSided: false);
        }

        context.SetOutput(0, isInverse ? context.Add("Squeeze", [Transform(numbers, last, isOneSided: true), context.Integers(-1)]) : numbers);

        Value Transform(Value input, int axis, bool isOneSided) =>
            context.Add("DFT", [input, null, context.Constant<long>([axis])], ("inverse", isInverse ? 1 : 0), ("onesided", isOneSided ? 1 : 0));
    }
}
