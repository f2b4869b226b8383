using OnnxStream.Interop.Server.Jobs;

namespace OnnxStream.Interop.Server.Http;

/// <summary>A job as clients see it.</summary>
internal sealed record JobView(string Id, JobKind Kind, string Model, JobState State, int Position, long PlannedBytes, DateTimeOffset Created)
{
    public DateTimeOffset? Ended { get; init; }

    public string? Stage { get; init; }

    public int? Step { get; init; }

    public int? Steps { get; init; }

    public JobSummary? Result { get; init; }

    public JobError? Error { get; init; }

    public static JobView Of(Job job)
    {
        JobEvent? progress = job.LastProgress, last = job.LastEvent;
        return new JobView(job.Id, job.Request.Kind, job.Model, job.State, job.Position, job.Bytes, job.Created)
        {
            Ended = job.Ended,
            Stage = progress?.Stage,
            Step = progress?.Step,
            Steps = progress?.Steps,
            Result = last?.Result,
            Error = last?.Error,
        };
    }
}
