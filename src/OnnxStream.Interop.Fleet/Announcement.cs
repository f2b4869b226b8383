using OnnxStream.Interop.Server.Models;

namespace OnnxStream.Interop.Fleet;

/// <summary>What a worker says of itself every few seconds.</summary>
/// <param name="Status">What it has and does.</param>
/// <param name="IsLeaving">Whether it takes no more jobs.</param>
internal sealed record Announcement(WorkerStatus Status, bool IsLeaving)
{
    /// <summary>The time between two of them.</summary>
    public static readonly TimeSpan Period = TimeSpan.FromSeconds(5);

    /// <summary>The time after which a worker that says nothing is taken to be gone.</summary>
    public static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);
}
