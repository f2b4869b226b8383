using OnnxStream.Interop.Server.Jobs;

namespace OnnxStream.Interop.Fleet;

/// <summary>A job in the work queue.</summary>
/// <param name="Id">Its name, which is unique.</param>
/// <param name="Server">The server that waits for it.</param>
/// <param name="Model">The model that does it.</param>
/// <param name="Request">What is asked for; null where it is so large that it lies in the store for files.</param>
internal sealed record FleetJob(string Id, string Server, string Model, JobRequest? Request)
{
    /// <summary>The activity that it belongs to (https://www.w3.org/TR/trace-context/, <c>traceparent</c>); null where nobody follows it.</summary>
    public string? Trace { get; init; }
}
