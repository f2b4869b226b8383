namespace OnnxStream.Interop.Diffusion;

/// <summary>What a generation will do, and what it needs for that, before anything is computed.</summary>
/// <param name="Stages">Its models, in the order in which they run.</param>
/// <param name="Width">The width of the pictures in pixels.</param>
/// <param name="Height">The height of the pictures in pixels.</param>
/// <param name="ImageCount">The number of pictures.</param>
/// <param name="Steps">The sampling steps of each picture; those that a given picture leaves out are not counted.</param>
public sealed record GenerationPlan(IReadOnlyList<StagePlan> Stages, int Width, int Height, int ImageCount, int Steps)
{
    /// <summary>The most memory that sessions hold at once, in bytes: those of models that are open together count together.</summary>
    public long PeakBytes => Most(stage => stage.PeakBytes);

    /// <summary>The smallest <see cref="SessionOptions.MemoryBudget"/> that all stages can meet, in bytes.</summary>
    public long SmallestBudgetBytes => Most(stage => stage.SmallestBudgetBytes);

    /// <summary>The bytes of weights that all passes stream, at most.</summary>
    public long WeightsBytes => Stages.Sum(stage => stage.WeightsBytes);

    /// <summary>The floating-point operations of all runs.</summary>
    public long Flops => Stages.Sum(stage => stage.Flops);

    private long Most(Func<StagePlan, long> bytes) => Stages.GroupBy(stage => stage.Group).Select(group => group.Sum(bytes)).DefaultIfEmpty().Max();
}
