namespace OnnxStream.Interop.Server.Jobs;

/// <summary>A job as it is given to what does it.</summary>
/// <param name="Id">The job's name.</param>
/// <param name="Model">The model that does it.</param>
/// <param name="Request">What is asked for.</param>
/// <param name="Bytes">What was reserved for it, in bytes.</param>
/// <param name="Report">Receives how far it is, on whatever thread does it.</param>
public sealed record JobWork(string Id, string Model, JobRequest Request, long Bytes, Action<JobEvent> Report)
{
    /// <summary>Keeps what there is of it, so that another can go on; null where nobody does.</summary>
    public IJobSaves? Saves { get; init; }
}
