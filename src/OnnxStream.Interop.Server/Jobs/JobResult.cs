namespace OnnxStream.Interop.Server.Jobs;

/// <summary>What a job made.</summary>
/// <param name="Parts">Its files, one at least.</param>
public sealed record JobResult(IReadOnlyList<JobPart> Parts)
{
    /// <summary>How many tokens there were; null where they are not counted.</summary>
    public JobUsage? Usage { get; init; }

    /// <summary>Why an answer ended: <c>stop</c>, <c>length</c> or <c>tool_calls</c>.</summary>
    public string? FinishReason { get; init; }

    /// <summary>The functions that the model asks for.</summary>
    public IReadOnlyList<ToolCall> ToolCalls { get; init; } = [];

    /// <summary>The vectors of an embedding.</summary>
    public IReadOnlyList<float[]> Vectors { get; init; } = [];
}
