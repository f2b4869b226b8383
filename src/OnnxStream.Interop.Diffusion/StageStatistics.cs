using OnnxStream.Interop.Pipelines;

namespace OnnxStream.Interop.Diffusion;

/// <summary>What one stage of a generation took.</summary>
/// <param name="Stage">The stage.</param>
/// <param name="Duration">The time from before its model was opened until it was done.</param>
/// <param name="LoadDuration">The part of it that opening the model took.</param>
/// <param name="RunDuration">The part of it that the model's runs took.</param>
/// <param name="RunCount">How many times the model ran; what goes together (both halves of guidance, all pictures of a generation) is one run.</param>
/// <param name="WeightsBytesStreamed">The bytes of weights that all runs took from the weights provider.</param>
/// <param name="PeakNativeBytes">The most native memory that was in use at once during a run.</param>
public sealed record StageStatistics(
    PipelineStage Stage,
    TimeSpan Duration,
    TimeSpan LoadDuration,
    TimeSpan RunDuration,
    int RunCount,
    long WeightsBytesStreamed,
    long PeakNativeBytes)
{
    internal StageStatistics(PipelineStage stage, StageTotals totals)
        : this(stage, totals.Duration, totals.LoadDuration, totals.RunDuration, totals.RunCount, totals.WeightsBytesStreamed, totals.PeakNativeBytes)
    {
    }
}
