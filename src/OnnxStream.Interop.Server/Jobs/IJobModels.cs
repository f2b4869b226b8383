namespace OnnxStream.Interop.Server.Jobs;

/// <summary>What a queue needs to know of the models that do its jobs.</summary>
public interface IJobModels
{
    /// <summary>Finds the model of a job, and what it will take, before anything is loaded.</summary>
    /// <param name="request">The job.</param>
    /// <returns>The model's name, and the memory in bytes that the job's plan needs.</returns>
    /// <exception cref="JobRefusedException">There is no such model, its parameters make no sense, or it needs more memory than there may ever be.</exception>
    (string Model, long Bytes) Examine(JobRequest request);

    /// <summary>Takes the memory for a job; idle models are let go for it.</summary>
    /// <param name="model">The model.</param>
    /// <param name="bytes">What the job's plan needs.</param>
    /// <returns>The place, which is given back by disposing of it; null where other jobs must end first.</returns>
    IDisposable? TryReserve(string model, long bytes);

    /// <summary>Whether a job begins as soon as it has its place. Where it does not, <see cref="JobEventType.Started"/> is reported when it does.</summary>
    bool BeginsAtOnce => true;

    /// <summary>Does a job, for which there is a place.</summary>
    /// <param name="work">The job.</param>
    /// <param name="cancellationToken">Stops it.</param>
    /// <exception cref="JobRefusedException">It cannot be done as it is asked for.</exception>
    Task<JobResult> RunAsync(JobWork work, CancellationToken cancellationToken);
}
