using OnnxStream.Interop.Server.Jobs;

namespace OnnxStream.Interop.Fleet;

/// <summary>What a worker says of a job before it is taken: what it needs, or why it cannot be done.</summary>
internal sealed record ExamineAnswer(string? Model, long Bytes, JobError? Error, RefusalReason Reason);
