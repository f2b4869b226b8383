namespace OnnxStream.Interop.Http;

/// <summary>A repository in the cache that Hugging Face's tools share: <c>models--OWNER--NAME/blobs/HASH</c>, <c>snapshots/COMMIT/FILE</c> with links to them, and <c>refs/BRANCH</c> with a commit.</summary>
/// <param name="cache">The folder of the cache.</param>
/// <param name="repository">The repository, <c>OWNER/NAME</c>.</param>
/// <remarks>https://huggingface.co/docs/huggingface_hub/guides/manage-cache</remarks>
internal sealed class HubFolder(string cache, string repository)
{
    private const string Prefix = "models--";

    /// <summary>The repository's folder.</summary>
    public string Path { get; } = System.IO.Path.Combine(cache, Prefix + repository.Replace("/", "--", StringComparison.Ordinal));

    /// <summary>The repositories that a cache has.</summary>
    public static IEnumerable<string> Repositories(string cache) =>
        Directory.Exists(cache)
            ? Directory.EnumerateDirectories(cache, Prefix + "*").Select(folder => System.IO.Path.GetFileName(folder)[Prefix.Length..]).Where(name => name.Length > 0).Select(Name).Order(StringComparer.Ordinal)
            : [];

    /// <summary>The folder of a revision; null if it is not here.</summary>
    /// <param name="revision">A branch, a tag or a commit.</param>
    public string? Find(string revision)
    {
        string reference = System.IO.Path.Combine(Path, "refs", DownloadFile.CheckName(revision, Path));
        string commit = File.Exists(reference) ? File.ReadAllText(reference).Trim() : revision;
        string folder = SnapshotPath(commit);
        return IsCommit(commit) && Directory.Exists(folder) ? folder : null;
    }

    /// <summary>Whether a text names a commit.</summary>
    public static bool IsCommit(string text) => text.Length is 40 or 64 && text.All(char.IsAsciiHexDigitLower);

    /// <summary>The folder of a commit, whether it is here or not.</summary>
    public string SnapshotPath(string commit) => System.IO.Path.Combine(Path, "snapshots", commit);

    /// <summary>Where the bytes of a hash lie, whether they are here or not.</summary>
    public string BlobPath(string hash) => System.IO.Path.Combine(Path, "blobs", hash);

    /// <summary>Whether a file of a commit is here, as a blob or in its snapshot.</summary>
    public bool Has(DownloadFile file, string commit) =>
        IsOfLength(BlobPath(file.Hash!), file.Length) || IsOfLength(System.IO.Path.Combine(SnapshotPath(commit), file.Name), file.Length);

    /// <summary>Makes the snapshot of a commit whose blobs are here, and has a branch point to it.</summary>
    /// <param name="commit">The commit.</param>
    /// <param name="revision">The branch; a commit makes none.</param>
    /// <param name="files">The files.</param>
    public void Link(string commit, string revision, IEnumerable<DownloadFile> files)
    {
        string snapshot = SnapshotPath(commit);
        foreach (DownloadFile file in files)
        {
            string place = System.IO.Path.Combine(snapshot, file.Name);
            string blob = BlobPath(file.Hash!);
            if (!File.Exists(blob) || IsOfLength(place, file.Length))
            {
                continue;
            }

            Directory.CreateDirectory(System.IO.Path.GetDirectoryName(place)!);
            File.Delete(place);
            try
            {
                string way = string.Concat(Enumerable.Repeat("../", file.Name.Count(letter => letter == '/') + 2));
                File.CreateSymbolicLink(place, $"{way}blobs/{file.Hash}");
            }
            catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
            {
                // Where there are no links, other tools have the file itself here.
                File.Move(blob, place);
            }
        }

        if (!IsCommit(revision))
        {
            string reference = System.IO.Path.Combine(Path, "refs", DownloadFile.CheckName(revision, Path));
            Directory.CreateDirectory(System.IO.Path.GetDirectoryName(reference)!);
            string written = $"{reference}.{System.IO.Path.GetRandomFileName()}";
            File.WriteAllText(written, commit);
            File.Move(written, reference, overwrite: true);
        }
    }

    // Owners have no "--" in their names; a repository without an owner has none at all.
    private static string Name(string folder) => folder.IndexOf("--", StringComparison.Ordinal) is > 0 and int at ? $"{folder[..at]}/{folder[(at + 2)..]}" : folder;

    // The length of a link is that of its text.
    private static bool IsOfLength(string path, long? length) =>
        File.Exists(path) && ((File.ResolveLinkTarget(path, returnFinalTarget: true) as FileInfo) ?? new FileInfo(path)) is { Exists: true } file && file.Length == length;
}
