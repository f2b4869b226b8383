using OnnxStream.Interop.Pipelines;

namespace OnnxStream.Interop.Diffusion;

/// <summary>What one model of a generation will do, and what it needs for that.</summary>
/// <param name="Stage">The stage that it runs in.</param>
/// <param name="Model">What it is: <c>text encoder</c>, <c>text encoder 2</c>, <c>VAE encoder</c>, <c>ControlNet</c>, <c>UNET</c>, <c>preview decoder</c>, <c>VAE decoder</c> or <c>upscaler</c>.</param>
/// <param name="Path">Its file.</param>
public sealed record StagePlan(PipelineStage Stage, string Model, string Path)
{
    /// <summary>How many times it runs; what goes together is one run, as in <see cref="StageStatistics.RunCount"/>.</summary>
    public required int RunCount { get; init; }

    /// <summary>The most sets of inputs that a run is given: prompts of all pictures, tiles one by one.</summary>
    public required int SetCount { get; init; }

    /// <summary>How many sets go together in the largest pass over the weights, as the budget decides.</summary>
    public required int SetsTogether { get; init; }

    /// <summary>The passes over the weights of all runs.</summary>
    public required int PassCount { get; init; }

    /// <summary>The most memory that its session holds, in bytes: what <see cref="SessionOptions.MemoryBudget"/> limits. Where the budget is too small for it, what it needs at least.</summary>
    public required long PeakBytes { get; init; }

    /// <summary>The smallest budget that its session can meet, in bytes; for a VAE in tiles where these may be smaller, that of the smallest tiles.</summary>
    public required long SmallestBudgetBytes { get; init; }

    /// <summary>The bytes of weights that all passes stream, at most: packed weights that stay in memory (<see cref="SessionOptions.KeptPanelBytes"/>) are read once.</summary>
    public required long WeightsBytes { get; init; }

    /// <summary>The floating-point operations of all runs (a multiplication and an addition are two).</summary>
    public required long Flops { get; init; }

    /// <summary>The bytes of the tensors that the largest run returns, in managed memory, beside the budget.</summary>
    public required long OutputBytes { get; init; }

    /// <summary>The width of a tile in pixels, where a picture is made in several; else null.</summary>
    public int? TileWidth { get; init; }

    /// <summary>The height of a tile in pixels, likewise.</summary>
    public int? TileHeight { get; init; }

    /// <summary>Why its memory and work are not known before it runs; null where they are. Its bytes and operations are 0 then.</summary>
    public string? Unknown { get; init; }

    /// <summary>Models of the same number are open together.</summary>
    internal int Group { get; init; }

    /// <summary>Adds up runs.</summary>
    /// <param name="stage">The stage.</param>
    /// <param name="model">The model's part.</param>
    /// <param name="path">The model's file.</param>
    /// <param name="sets">For each run, the sets of inputs that it is given.</param>
    /// <param name="need">What they need.</param>
    internal static StagePlan Of(PipelineStage stage, string model, string path, IReadOnlyList<int> sets, StageNeed need)
    {
        int most = sets.DefaultIfEmpty().Max(), passes = sets.Sum(need.Passes);
        bool fits = need.SmallestBudgetBytes <= (need.Plan.BudgetBytes ?? long.MaxValue);
        return new StagePlan(stage, model, path)
        {
            RunCount = sets.Count,
            SetCount = most,
            SetsTogether = need.Together.Values.DefaultIfEmpty().Max(),
            PassCount = passes,
            PeakBytes = fits ? need.Plan.PeakBytes : need.SmallestBudgetBytes,
            SmallestBudgetBytes = need.SmallestBudgetBytes,
            WeightsBytes = passes * need.Plan.WeightsBytes,
            Flops = sets.Sum(count => (long)count) * need.Plan.Flops,
            OutputBytes = most * need.Plan.OutputBytes,
        };
    }

    /// <summary>A model of which nothing is known but how often it runs.</summary>
    internal static StagePlan OfUnknown(PipelineStage stage, string model, string path, IReadOnlyList<int> sets, string why) => new(stage, model, path)
    {
        RunCount = sets.Count,
        SetCount = sets.DefaultIfEmpty().Max(),
        SetsTogether = 1,
        PassCount = sets.Count,
        PeakBytes = 0,
        SmallestBudgetBytes = 0,
        WeightsBytes = 0,
        Flops = 0,
        OutputBytes = 0,
        Unknown = why,
    };
}
