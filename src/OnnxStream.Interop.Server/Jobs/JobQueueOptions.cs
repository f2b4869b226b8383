namespace OnnxStream.Interop.Server.Jobs;

/// <summary>How many jobs there may be.</summary>
public sealed record JobQueueOptions
{
    /// <summary>The most jobs that wait.</summary>
    public int MostWaiting { get; init; } = 64;

    /// <summary>The most jobs of one owner that wait or are being done.</summary>
    public int MostOfOneOwner { get; init; } = 32;

    /// <summary>The most jobs that are being done at once.</summary>
    public int MostRunning { get; init; } = 2;

    /// <summary>The most jobs that are kept behind their end.</summary>
    public int MostKept { get; init; } = 256;

    /// <summary>The most bytes of results that are kept.</summary>
    public long MostKeptBytes { get; init; } = 64L << 20;

    /// <summary>How long a job is kept behind its end.</summary>
    public TimeSpan Kept { get; init; } = TimeSpan.FromMinutes(30);
}
