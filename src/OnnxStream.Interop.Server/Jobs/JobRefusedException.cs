namespace OnnxStream.Interop.Server.Jobs;

/// <summary>A job is not taken, or cannot be done as it is asked for.</summary>
/// <param name="error">Why.</param>
/// <param name="reason">Whose fault it is.</param>
/// <param name="innerException">What led to it.</param>
public sealed class JobRefusedException(JobError error, RefusalReason reason, Exception? innerException = null) : Exception(error.Message, innerException)
{
    /// <summary>Why.</summary>
    public JobError Error { get; } = error;

    /// <summary>Whose fault it is.</summary>
    public RefusalReason Reason { get; } = reason;
}
