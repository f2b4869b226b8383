namespace OnnxStream.Interop.Server.Jobs;

/// <summary>What there is of a job while it is being done. Whoever does it after somebody who never ended goes on from there.</summary>
public interface IJobSaves
{
    /// <summary>What was kept last, by whoever did the job before; null for nothing.</summary>
    byte[]? Last { get; }

    /// <summary>The number of steps between states that are kept.</summary>
    int Interval { get; }

    /// <summary>Keeps a state in place of the one before. It returns at once, so that the work goes on.</summary>
    /// <param name="state">The state; it is not changed any more.</param>
    void Keep(byte[] state);
}
