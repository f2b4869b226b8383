namespace OnnxStream.Interop;

/// <summary>A model that was downloaded.</summary>
/// <param name="Name">The name that commands take: that of a repository (<c>OWNER/NAME</c>), or the one that it was pulled with.</param>
/// <param name="Path">Its folder: of a repository, that of all its revisions.</param>
/// <param name="Bytes">The bytes of its files, each counted once.</param>
/// <param name="Date">When it was changed last.</param>
/// <param name="Revisions">The commits of a repository that are here; empty for others.</param>
public sealed record LocalModel(string Name, string Path, long Bytes, DateTimeOffset Date, IReadOnlyList<string> Revisions);
