namespace OnnxStream.Interop.Cli.Reports;

/// <summary>What <c>models list --json</c> and <c>models remove --json</c> print.</summary>
/// <param name="HubCache">The folder of repositories, which other tools use, too.</param>
/// <param name="Folder">The folder of models that were pulled by their address.</param>
/// <param name="Bytes">The bytes of all that are listed.</param>
/// <param name="Models">The models that are here, or were removed.</param>
internal sealed record LocalModelsReport(string HubCache, string Folder, long Bytes, IReadOnlyList<LocalModelReport> Models);

/// <summary>A model that is here.</summary>
/// <param name="Name">The name that commands take.</param>
/// <param name="Path">Its folder.</param>
/// <param name="Bytes">Its size.</param>
/// <param name="Date">When it was changed last.</param>
/// <param name="Revisions">The commits of a repository that are here.</param>
internal sealed record LocalModelReport(string Name, string Path, long Bytes, DateTimeOffset Date, IReadOnlyList<string> Revisions);

/// <summary>What <c>models known --json</c> prints.</summary>
/// <param name="Models">The models that can be pulled by name.</param>
internal sealed record KnownModelsReport(IReadOnlyList<KnownModelReport> Models);

/// <summary>A model that can be pulled by name.</summary>
/// <param name="Name">The name.</param>
/// <param name="Task">The command that uses it.</param>
/// <param name="Repository">Its repository.</param>
/// <param name="Revision">The revision.</param>
/// <param name="Description">What it is.</param>
internal sealed record KnownModelReport(string Name, string Task, string Repository, string Revision, string Description);
