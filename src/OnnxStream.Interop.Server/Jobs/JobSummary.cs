namespace OnnxStream.Interop.Server.Jobs;

/// <summary>What there is of a result, without its bytes.</summary>
/// <param name="Parts">Its files.</param>
/// <param name="Seconds">The time from start to end.</param>
public sealed record JobSummary(IReadOnlyList<JobPart> Parts, double Seconds)
{
    /// <summary>How many tokens there were; null where they are not counted.</summary>
    public JobUsage? Usage { get; init; }

    /// <summary>Why an answer ended: <c>stop</c>, <c>length</c> or <c>tool_calls</c>.</summary>
    public string? FinishReason { get; init; }
}
