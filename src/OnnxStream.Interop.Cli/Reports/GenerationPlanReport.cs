using OnnxStream.Interop.Diffusion;

namespace OnnxStream.Interop.Cli.Reports;

/// <summary>What <c>sd --plan --json</c> prints.</summary>
/// <param name="Model">The model's name.</param>
/// <param name="Width">The width of pictures in pixels.</param>
/// <param name="Height">The height of pictures in pixels.</param>
/// <param name="Pictures">The number of pictures.</param>
/// <param name="Steps">The sampling steps of each.</param>
/// <param name="Stages">The models, in the order in which they run.</param>
/// <param name="WeightsBytes">Bytes of weights that all runs stream.</param>
/// <param name="Flops">Floating-point operations of all runs.</param>
/// <param name="EstimatedS">An estimate of seconds for all of it.</param>
/// <param name="FlopsPerSecond">The rate of operations that the estimate is made with, measured now.</param>
/// <param name="BytesPerSecond">The rate of reading that the estimate is made with, measured now; null where weights do not lie on this machine.</param>
/// <param name="PredictedPeakBytes">The most memory that sessions hold at once.</param>
/// <param name="PredictedPeakRssBytes">The most memory that the process has resident.</param>
/// <param name="MemoryBudgetBytes">The most memory that the process is allowed (--memory); null for no limit.</param>
/// <param name="SmallestBudgetBytes">The smallest --memory that can be met.</param>
internal sealed record GenerationPlanReport(
    string Model,
    int Width,
    int Height,
    int Pictures,
    int Steps,
    IReadOnlyList<StagePlanReport> Stages,
    long WeightsBytes,
    long Flops,
    double EstimatedS,
    double FlopsPerSecond,
    double? BytesPerSecond,
    long PredictedPeakBytes,
    long PredictedPeakRssBytes,
    long? MemoryBudgetBytes,
    long SmallestBudgetBytes);

/// <summary>A model of a generation.</summary>
/// <param name="Model">Which it is.</param>
/// <param name="File">Its file.</param>
/// <param name="Runs">How many times it runs.</param>
/// <param name="Sets">The most sets of inputs that a run is given.</param>
/// <param name="Together">How many of them go together.</param>
/// <param name="Passes">The passes over its weights.</param>
/// <param name="TileWidth">The width of a tile in pixels; null where pictures are whole.</param>
/// <param name="TileHeight">The height of a tile in pixels.</param>
/// <param name="PeakBytes">The most memory that its session holds.</param>
/// <param name="SmallestBudgetBytes">The smallest --memory that can be met, if it were for this model alone.</param>
/// <param name="WeightsBytes">Bytes of weights that all runs stream.</param>
/// <param name="Flops">Floating-point operations of all runs.</param>
/// <param name="EstimatedS">An estimate of seconds.</param>
/// <param name="Unknown">Why nothing is known of it before it runs; null where it is.</param>
internal sealed record StagePlanReport(
    string Model, string File, int Runs, int Sets, int Together, int Passes, int? TileWidth, int? TileHeight, long PeakBytes, long SmallestBudgetBytes, long WeightsBytes, long Flops, double EstimatedS, string? Unknown)
{
    /// <summary>Describes a stage.</summary>
    /// <param name="stage">The stage.</param>
    /// <param name="smallest">The smallest limit of the process for it alone.</param>
    /// <param name="seconds">The estimate.</param>
    public static StagePlanReport Of(StagePlan stage, long smallest, double seconds) => new(
        stage.Model, stage.Path, stage.RunCount, stage.SetCount, stage.SetsTogether, stage.PassCount, stage.TileWidth, stage.TileHeight, stage.PeakBytes, smallest, stage.WeightsBytes, stage.Flops, seconds, stage.Unknown);
}
