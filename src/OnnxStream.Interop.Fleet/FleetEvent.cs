using OnnxStream.Interop.Server.Jobs;

namespace OnnxStream.Interop.Fleet;

/// <summary>Something that happened to a job, on its way from a worker to the server.</summary>
/// <param name="Attempt">Which attempt it is of, from 1 on.</param>
/// <param name="Number">Its place among those of the attempt, from 0 on.</param>
internal sealed record FleetEvent(int Attempt, int Number)
{
    /// <summary>What happened; null at the end.</summary>
    public JobEvent? Event { get; init; }

    /// <summary>The end; null before.</summary>
    public FleetOutcome? Outcome { get; init; }
}
