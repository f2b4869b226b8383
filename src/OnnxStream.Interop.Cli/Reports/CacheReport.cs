namespace OnnxStream.Interop.Cli.Reports;

/// <summary>What <c>cache --json</c> prints.</summary>
/// <param name="Folder">The cache folder.</param>
/// <param name="Bytes">The bytes of all files that are listed.</param>
/// <param name="Stores">The files in it, or those that were removed.</param>
internal sealed record CacheReport(string Folder, long Bytes, IReadOnlyList<CachedStoreReport> Stores);

/// <summary>A file of the cache.</summary>
/// <param name="Name">Its name in the folder.</param>
/// <param name="Bytes">Its size.</param>
/// <param name="Date">When it was made.</param>
/// <param name="Model">The model that it was made for; null where the file does not say.</param>
/// <param name="State">complete, unknown, being_written or left_behind.</param>
internal sealed record CachedStoreReport(string Name, long Bytes, DateTimeOffset Date, string? Model, string State);
