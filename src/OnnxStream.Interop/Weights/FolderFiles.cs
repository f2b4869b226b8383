namespace OnnxStream.Interop.Weights;

/// <summary>The files of a folder.</summary>
/// <remarks>
/// Hugging Face's cache keeps the files of all revisions as <c>models--OWNER--NAME/blobs/HASH</c>, and a revision is a folder of
/// links to them, <c>models--OWNER--NAME/snapshots/REVISION/model.onnx</c>. Links of such a folder are followed anywhere inside of
/// <c>models--OWNER--NAME</c>. https://huggingface.co/docs/huggingface_hub/guides/manage-cache
/// </remarks>
/// <param name="folder">Its absolute path.</param>
/// <param name="followsLinks">Whether links may lead out of the folder, as they do in caches of downloads. Otherwise they are refused: a model could name any file of its user.</param>
internal sealed class FolderFiles(string folder, bool followsLinks) : ModelFiles(folder)
{
    // As Linux allows.
    private const int MaximumLinks = 40;

    // The folder that no link may lead out of, and the way from there to the files.
    private readonly string _root = CacheEntry(folder) ?? folder;

    /// <inheritdoc/>
    protected override WeightSource? FindCore(string name)
    {
        if (!followsLinks)
        {
            RefuseLinks(name);
        }

        FileSource file = new(Path.Combine(Id, name));
        return file.Exists ? file : null;
    }

    // Follows links part by part, as the operating system does: a link may lead to a link.
    private void RefuseLinks(string name)
    {
        string way = Path.GetRelativePath(_root, Id).Replace('\\', '/');
        List<string> inside = [];
        Stack<string> parts = new($"{way}/{name}".Split('/').Reverse());
        int links = 0;
        while (parts.TryPop(out string? part))
        {
            if (part is "" or ".")
            {
                continue;
            }

            if (part == "..")
            {
                if (inside.Count == 0)
                {
                    throw Outside();
                }

                inside.RemoveAt(inside.Count - 1);
                continue;
            }

            string path = Path.Combine([_root, .. inside, part]);
            if (new FileInfo(path).LinkTarget is not { } target)
            {
                inside.Add(part);
                continue;
            }

            if (++links > MaximumLinks)
            {
                throw new ModelFormatException(Id, $"the file '{name}' is a chain of more than {MaximumLinks} links.");
            }

            if (Path.IsPathRooted(target))
            {
                string root = Path.EndsInDirectorySeparator(_root) ? _root : _root + Path.DirectorySeparatorChar;
                target = target.StartsWith(root, StringComparison.Ordinal) ? target[root.Length..] : throw Outside();
                inside.Clear();
            }

            foreach (string next in target.Replace('\\', '/').Split('/').Reverse())
            {
                parts.Push(next);
            }
        }

        ModelFormatException Outside() =>
            new(Id, _root == Id ? $"a link leads from '{name}' outside of the model's folder. Only files inside of it are read." : $"a link leads from '{name}' outside of '{_root}'. Only files inside of it are read.");
    }

    // The folder models--OWNER--NAME of a path .../models--OWNER--NAME/snapshots/REVISION/..., or null.
    private static string? CacheEntry(string folder)
    {
        for (DirectoryInfo? revision = new(folder); revision?.Parent is { } snapshots; revision = snapshots)
        {
            if (snapshots.Name == "snapshots" && snapshots.Parent is { } entry && entry.Name.StartsWith("models--", StringComparison.Ordinal))
            {
                return entry.FullName;
            }
        }

        return null;
    }
}
