namespace OnnxStream.Interop;

/// <summary>A published model that is known by a short name.</summary>
/// <param name="Name">The name.</param>
/// <param name="Task">What it is for: the command of the tool that uses it.</param>
/// <param name="Repository">Its repository on a hub, <c>OWNER/NAME</c>.</param>
/// <param name="Revision">A branch, a tag or a commit.</param>
/// <param name="Folder">The folder in the repository that is the model; empty for the repository itself.</param>
/// <param name="Files">The files that it needs: names in the repository, with <c>*</c> for any letters, folders included.</param>
/// <param name="Description">What it is, in a line.</param>
public sealed record RegisteredModel(string Name, string Task, string Repository, string Revision, string Folder, IReadOnlyList<string> Files, string Description);
