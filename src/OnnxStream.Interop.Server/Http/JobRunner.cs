using Microsoft.AspNetCore.Http;
using OnnxStream.Interop.Server.Jobs;

namespace OnnxStream.Interop.Server.Http;

/// <summary>Jobs of APIs that know none: a request is a job, and one whose client has gone is cancelled.</summary>
internal sealed class JobRunner(JobQueue queue)
{
    /// <summary>The queue.</summary>
    public JobQueue Queue => queue;

    /// <summary>Takes a job of a request.</summary>
    /// <exception cref="JobRefusedException">It is not taken.</exception>
    public Task<Job> SubmitAsync(HttpContext context, JobRequest request)
    {
        string owner = context.Owner();

        // Planning takes processor time.
        return Task.Run(() => queue.Submit(request, owner), context.RequestAborted);
    }

    /// <summary>Does a job and forgets it.</summary>
    /// <exception cref="JobRefusedException">It is not taken.</exception>
    /// <exception cref="ApiException">It failed, or was cancelled.</exception>
    public async Task<JobResult> RunAsync(HttpContext context, JobRequest request)
    {
        Job job = await SubmitAsync(context, request);
        try
        {
            return ResultOf(job, await job.WaitAsync(context.RequestAborted));
        }
        finally
        {
            Forget(job);
        }
    }

    /// <summary>Cancels a job that goes on, and forgets one that ended.</summary>
    public void Forget(Job job) => queue.Cancel(job);

    /// <summary>What a job made.</summary>
    /// <exception cref="ApiException">Nothing.</exception>
    public static JobResult ResultOf(Job job, JobEvent last) => last.Type switch
    {
        JobEventType.Finished => job.Result!,
        JobEventType.Failed => throw ErrorResponse.Of(last.Error!),
        _ => throw new ApiException(StatusCodes.Status503ServiceUnavailable, "cancelled", "The work was cancelled, by somebody else or because the server stops.") { RetryAfter = TimeSpan.FromSeconds(5) },
    };
}
