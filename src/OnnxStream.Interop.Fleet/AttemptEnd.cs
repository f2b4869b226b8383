namespace OnnxStream.Interop.Fleet;

/// <summary>What became of a worker's attempt at a job.</summary>
internal enum AttemptEnd
{
    /// <summary>It came to its end.</summary>
    Finished,

    /// <summary>It failed here.</summary>
    Failed,

    /// <summary>It was cancelled, goes on elsewhere, or was done by somebody else.</summary>
    Stopped,
}
