namespace OnnxStream.Interop.Server.Http;

/// <summary>The jobs of a client.</summary>
internal sealed record JobList(IReadOnlyList<JobView> Jobs);
