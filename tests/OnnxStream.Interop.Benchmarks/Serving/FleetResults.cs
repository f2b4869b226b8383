namespace OnnxStream.Interop.Benchmarks.Serving;

/// <summary>What was measured of a fleet.</summary>
/// <param name="DirectS">Seconds of a job of one step, by a server that does it itself.</param>
/// <param name="QueuedS">Seconds of the same job through the queue, with nothing else to do.</param>
/// <param name="Calm">While nobody was killed.</param>
/// <param name="KilledWorkers">How many workers were killed.</param>
/// <param name="KilledServers">How many servers of the queue were killed.</param>
/// <param name="Elapsed">How long the jobs took meanwhile.</param>
/// <param name="States">How many jobs ended how.</param>
/// <param name="Attempts">How often workers began with one.</param>
/// <param name="Late">How often a worker came to an end that did not count, as another one had been first.</param>
/// <param name="Dead">How many were given up.</param>
/// <param name="Errors">What failed, if any did.</param>
internal sealed record FleetResults(
    double DirectS, double QueuedS, IReadOnlyList<CalmResults> Calm, int KilledWorkers, int KilledServers, TimeSpan Elapsed, IReadOnlyDictionary<string, int> States, int Attempts, int Late, int Dead, IReadOnlyList<string> Errors);
