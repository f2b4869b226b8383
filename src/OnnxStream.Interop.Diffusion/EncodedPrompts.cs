namespace OnnxStream.Interop.Diffusion;

/// <summary>What prompts became: conditions, each with the step that it holds for the last time, counted from 1.</summary>
/// <param name="Positive">Those of the prompt.</param>
/// <param name="Negative">Those of the negative prompt; empty where it has no influence.</param>
/// <param name="DroppedTokenCount">How many tokens had no room.</param>
internal sealed record EncodedPrompts(
    IReadOnlyList<(int LastStep, UnetCondition Condition)> Positive, IReadOnlyList<(int LastStep, UnetCondition Condition)> Negative, int DroppedTokenCount)
{
    /// <summary>The condition of a step, counted from 0.</summary>
    public static UnetCondition At(IReadOnlyList<(int LastStep, UnetCondition Condition)> conditions, int step) =>
        conditions.First(item => step < item.LastStep).Condition;

    /// <summary>The same for pictures of another size.</summary>
    /// <param name="timeIds">For SDXL, what goes with the text; null for others.</param>
    public EncodedPrompts With(TensorBuffer? timeIds)
    {
        return this with { Positive = Change(Positive), Negative = Change(Negative) };

        IReadOnlyList<(int LastStep, UnetCondition Condition)> Change(IReadOnlyList<(int LastStep, UnetCondition Condition)> conditions) =>
            [.. conditions.Select(item => (item.LastStep, item.Condition with { TimeIds = timeIds }))];
    }
}
