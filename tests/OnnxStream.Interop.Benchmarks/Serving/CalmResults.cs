namespace OnnxStream.Interop.Benchmarks.Serving;

/// <summary>Jobs that a fleet did while nobody was killed.</summary>
/// <param name="Steps">The steps of each.</param>
/// <param name="Jobs">How many there were.</param>
/// <param name="Elapsed">How long they took together.</param>
/// <param name="Server">The processor time of the server.</param>
/// <param name="Queue">That of the servers of the queue.</param>
/// <param name="Workers">That of the workers.</param>
internal sealed record CalmResults(int Steps, int Jobs, TimeSpan Elapsed, TimeSpan Server, TimeSpan Queue, TimeSpan Workers);
