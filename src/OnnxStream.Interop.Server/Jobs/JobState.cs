namespace OnnxStream.Interop.Server.Jobs;

/// <summary>Where a job is.</summary>
public enum JobState
{
    /// <summary>It waits.</summary>
    Queued,

    /// <summary>It is being done.</summary>
    Running,

    /// <summary>It is done.</summary>
    Finished,

    /// <summary>It failed.</summary>
    Failed,

    /// <summary>It was cancelled.</summary>
    Cancelled,
}
