namespace OnnxStream.Interop.Server.Jobs;

/// <summary>Something that happened to a job. What does not belong to its type is null.</summary>
/// <param name="Type">What happened.</param>
public sealed record JobEvent(JobEventType Type)
{
    /// <summary>How many jobs are done before this one begins, from 1 on; of <see cref="JobEventType.Queued"/>.</summary>
    public int? Position { get; init; }

    /// <summary>What is being done: <c>text_encoding</c>, <c>image_encoding</c>, <c>denoising</c>, <c>decoding</c>, <c>prompt</c>, <c>embedding</c>, <c>listening</c> (a step is a second of the sound).</summary>
    public string? Stage { get; init; }

    /// <summary>Steps of the stage done.</summary>
    public int? Step { get; init; }

    /// <summary>Steps of the stage in all.</summary>
    public int? Steps { get; init; }

    /// <summary>A coarse PNG picture of what there is.</summary>
    public byte[]? Preview { get; init; }

    /// <summary>A piece of an answer.</summary>
    public string? Text { get; init; }

    /// <summary>The function that the model asks for.</summary>
    public ToolCall? ToolCall { get; init; }

    /// <summary>What there is of the result; of <see cref="JobEventType.Finished"/>.</summary>
    public JobSummary? Result { get; init; }

    /// <summary>Why it failed; of <see cref="JobEventType.Failed"/>.</summary>
    public JobError? Error { get; init; }

    /// <summary>Whether nothing comes behind it.</summary>
    internal bool IsLast => Type is JobEventType.Finished or JobEventType.Failed or JobEventType.Cancelled;
}
