namespace OnnxStream.Interop.Cli.Reports;

/// <summary>What <c>pull --json</c> prints.</summary>
/// <param name="Name">The name that the model is found by.</param>
/// <param name="Folder">Where it is, or would be.</param>
/// <param name="Bytes">The bytes of its files.</param>
/// <param name="DownloadedBytes">Those that were not here before.</param>
/// <param name="IsComplete">Whether all of it is here now.</param>
/// <param name="Files">Its files.</param>
internal sealed record PullReport(string Name, string Folder, long Bytes, long DownloadedBytes, bool IsComplete, IReadOnlyList<PulledFileReport> Files);

/// <summary>A file of a model that is pulled.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Bytes">Its length; null where the server does not say.</param>
/// <param name="Hash">What it is checked with: SHA-256 in 64 digits, or git's name in 40; null where nobody states one.</param>
internal sealed record PulledFileReport(string Name, long? Bytes, string? Hash);
