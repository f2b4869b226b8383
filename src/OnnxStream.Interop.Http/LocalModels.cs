using System.IO.Enumeration;
using OnnxStream.Interop.Http;

namespace OnnxStream.Interop;

/// <summary>The models that were downloaded to this machine: repositories in the cache that Hugging Face's tools share, whoever brought them, and folders that were pulled by their address.</summary>
public sealed class LocalModels
{
    /// <summary>The environment variable with the folder of models that were pulled by their address.</summary>
    public const string FolderVariable = "ONNXSTREAM_MODELS";

    private const string PartialSuffix = ".partial";

    /// <summary>Names the folders; nothing need be there.</summary>
    /// <param name="hubCache">The cache of repositories; null for that of the environment: <c>HF_HUB_CACHE</c>, <c>HF_HOME/hub</c>, or <c>~/.cache/huggingface/hub</c>.</param>
    /// <param name="folder">The folder of other models; null for that of <see cref="FolderVariable"/>, or <c>onnxstream/models</c> in the user's folder of application data.</param>
    public LocalModels(string? hubCache = null, string? folder = null)
    {
        HubCache = Path.GetFullPath(hubCache ?? HubEnvironment.CacheFolder);
        Folder = Path.GetFullPath(folder ?? (Environment.GetEnvironmentVariable(FolderVariable) is { Length: > 0 } named
            ? named
            : Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.LocalApplicationData, Environment.SpecialFolderOption.DoNotVerify), "onnxstream", "models")));
    }

    /// <summary>The cache of repositories.</summary>
    public string HubCache { get; }

    /// <summary>The folder of models that were pulled by their address.</summary>
    public string Folder { get; }

    /// <summary>Finds a model.</summary>
    /// <param name="name">A name of <see cref="ModelRegistry"/>, a repository (<c>OWNER/NAME</c>, with <c>@REVISION</c> behind it if not <c>main</c>), or the name that a model was pulled with.</param>
    /// <returns>Its folder; null if it is not here, or not all of it.</returns>
    public string? Find(string name)
    {
        ArgumentNullException.ThrowIfNull(name);
        if (ModelRegistry.Find(name) is { } known)
        {
            return FindRepository(known.Repository, known.Revision) is { } snapshot && known.Files.All(pattern => HasMatch(snapshot, pattern)) ? Path.Combine(snapshot, known.Folder) : null;
        }

        if (RepositoryName.TryParse(name, out string repository, out string revision))
        {
            return FindRepository(repository, revision);
        }

        string folder = FolderOf(name);
        return IsName(name) && File.Exists(Path.Combine(folder, DownloadManifest.FileName)) ? folder : null;
    }

    /// <summary>All models that are here.</summary>
    public IReadOnlyList<LocalModel> List()
    {
        List<LocalModel> models = [];
        foreach (string repository in HubFolder.Repositories(HubCache))
        {
            string path = new HubFolder(HubCache, repository).Path;
            string snapshots = Path.Combine(path, "snapshots");
            string[] revisions = Directory.Exists(snapshots) ? [.. Directory.GetDirectories(snapshots).Select(Path.GetFileName)!] : [];
            models.Add(Describe(repository, path, revisions));
        }

        foreach (string path in Directory.Exists(Folder) ? (string[])[.. Directory.GetDirectories(Folder).Order(StringComparer.Ordinal)] : [])
        {
            if (File.Exists(Path.Combine(path, DownloadManifest.FileName)) && !path.EndsWith(PartialSuffix, StringComparison.Ordinal))
            {
                models.Add(Describe(Path.GetFileName(path), path, []));
            }
        }

        return models;
    }

    /// <summary>Deletes a model: of a repository all revisions, whoever downloaded them. What came of an unfinished download goes, too.</summary>
    /// <param name="name">A name that <see cref="Find"/> takes.</param>
    /// <returns>What was there; null if nothing was.</returns>
    public LocalModel? Remove(string name)
    {
        ArgumentNullException.ThrowIfNull(name);
        if (ModelRegistry.Find(name)?.Repository is { } repository || RepositoryName.TryParse(name, out repository, out _))
        {
            string path = new HubFolder(HubCache, repository).Path;
            return Delete(repository, path);
        }

        if (!IsName(name))
        {
            return null;
        }

        LocalModel? partial = Delete(name, FolderOf(name) + PartialSuffix);
        return Delete(name, FolderOf(name)) ?? partial;
    }

    /// <summary>Whether a text can be the name of a model that is pulled by its address.</summary>
    internal static bool IsName(string name) => name.Length is > 0 and <= 200 && name.All(letter => char.IsAsciiLetterOrDigit(letter) || letter is '-' or '_' or '.' or ' ') && name[0] is not ('.' or ' ') && name[^1] is not ('.' or ' ') && !name.EndsWith(PartialSuffix, StringComparison.Ordinal);

    /// <summary>The folder of a model that is pulled by its address.</summary>
    internal string FolderOf(string name) => Path.Combine(Folder, name);

    /// <summary>The folder that such a model comes to.</summary>
    internal string PartialOf(string name) => FolderOf(name) + PartialSuffix;

    /// <summary>Whether a name is one of those that a pattern stands for: <c>*</c> is any letters, folders included.</summary>
    internal static bool IsMatch(string pattern, string name) => FileSystemName.MatchesSimpleExpression(pattern, name, ignoreCase: false);

    private string? FindRepository(string repository, string revision) => new HubFolder(HubCache, repository).Find(revision);

    private static bool HasMatch(string folder, string pattern) =>
        pattern.Contains('*', StringComparison.Ordinal)
            ? Directory.EnumerateFiles(folder, "*", SearchOption.AllDirectories).Any(path => IsMatch(pattern, Path.GetRelativePath(folder, path).Replace('\\', '/')) && File.Exists(path))
            : File.Exists(Path.Combine(folder, pattern));

    private static LocalModel Describe(string name, string path, IReadOnlyList<string> revisions)
    {
        // Links of snapshots lead to files that are counted where they lie.
        FileInfo[] files = [.. new DirectoryInfo(path).EnumerateFiles("*", SearchOption.AllDirectories).Where(file => file.LinkTarget is null)];
        return new LocalModel(name, path, files.Sum(file => file.Length), files.Length == 0 ? Directory.GetLastWriteTimeUtc(path) : files.Max(file => file.LastWriteTimeUtc), revisions);
    }

    private static LocalModel? Delete(string name, string path)
    {
        if (!Directory.Exists(path))
        {
            return null;
        }

        LocalModel model = Describe(name, path, []);
        Directory.Delete(path, recursive: true);
        return model;
    }
}
