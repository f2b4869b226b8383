using OnnxStream.Interop.Server.Jobs;

namespace OnnxStream.Interop.Fleet;

/// <summary>How a job ended. There is one for each job: the first that is stored counts.</summary>
/// <param name="State">Finished, failed or cancelled.</param>
/// <param name="Attempt">The attempt that it is of, whose files the result consists of.</param>
/// <param name="Worker">Who did it.</param>
internal sealed record FleetOutcome(JobState State, int Attempt, string Worker)
{
    /// <summary>The files of the result.</summary>
    public IReadOnlyList<StoredPart> Parts { get; init; } = [];

    /// <summary>How many tokens there were.</summary>
    public JobUsage? Usage { get; init; }

    /// <summary>Why an answer ended.</summary>
    public string? FinishReason { get; init; }

    /// <summary>The functions that the model asks for.</summary>
    public IReadOnlyList<ToolCall> ToolCalls { get; init; } = [];

    /// <summary>Whether the first file is vectors.</summary>
    public bool HasVectors { get; init; }

    /// <summary>Why it failed.</summary>
    public JobError? Error { get; init; }
}
