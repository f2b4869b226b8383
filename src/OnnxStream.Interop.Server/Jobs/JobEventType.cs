namespace OnnxStream.Interop.Server.Jobs;

/// <summary>What happened to a job.</summary>
public enum JobEventType
{
    /// <summary>It waits; others are before it.</summary>
    Queued,

    /// <summary>It is being done.</summary>
    Started,

    /// <summary>It is further than before.</summary>
    Progress,

    /// <summary>A piece of an answer is there.</summary>
    Text,

    /// <summary>The model asks for a function.</summary>
    ToolCall,

    /// <summary>It is done: its result is there. Nothing comes behind it.</summary>
    Finished,

    /// <summary>It failed. Nothing comes behind it.</summary>
    Failed,

    /// <summary>It was cancelled. Nothing comes behind it.</summary>
    Cancelled,
}
