namespace OnnxStream.Interop.Fleet;

/// <summary>How a worker works.</summary>
public sealed record WorkerOptions
{
    /// <summary>The queue.</summary>
    public required FleetOptions Fleet { get; init; }

    /// <summary>Its name; null for that of the machine with some letters that tell its workers apart.</summary>
    public string? Name { get; init; }

    /// <summary>The most jobs that it does at once, where its budget allows it.</summary>
    public int Slots { get; init; } = 1;

    /// <summary>The number of steps after which the state of a picture is kept for whoever comes after.</summary>
    public int SaveInterval { get; init; } = 1;

    /// <summary>The least time between two states that are kept: a job that takes no longer is done again from the start.</summary>
    public TimeSpan SavePause { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>How long jobs that are being done may go on when the worker is stopped; then they go to others, with what was kept.</summary>
    public TimeSpan DrainTime { get; init; } = TimeSpan.FromSeconds(30);
}
