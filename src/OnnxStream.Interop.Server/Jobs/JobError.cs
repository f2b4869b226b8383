namespace OnnxStream.Interop.Server.Jobs;

/// <summary>Why a job failed.</summary>
/// <param name="Code">The kind of failure, for programs: <c>invalid_request</c>, <c>model_not_found</c>, <c>insufficient_memory</c>, <c>context_length_exceeded</c>, <c>internal_error</c>.</param>
/// <param name="Message">What is wrong and what to do, for people.</param>
public sealed record JobError(string Code, string Message)
{
    /// <summary>The parameter that is wrong; null where none is.</summary>
    public string? Param { get; init; }
}
