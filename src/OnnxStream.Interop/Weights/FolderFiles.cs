namespace OnnxStream.Interop.Weights;

/// <summary>The files of a folder.</summary>
/// <param name="folder">Its absolute path.</param>
/// <param name="followsLinks">Whether links may lead out of the folder, as they do in caches of downloads. Otherwise they are refused: a model could name any file of its user.</param>
internal sealed class FolderFiles(string folder, bool followsLinks) : ModelFiles(folder)
{
    // As Linux allows.
    private const int MaximumLinks = 40;

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
        List<string> inside = [];
        Stack<string> parts = new(name.Split('/').Reverse());
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

            string path = Path.Combine([Id, .. inside, part]);
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
                string root = Path.EndsInDirectorySeparator(Id) ? Id : Id + Path.DirectorySeparatorChar;
                target = target.StartsWith(root, StringComparison.Ordinal) ? target[root.Length..] : throw Outside();
                inside.Clear();
            }

            foreach (string next in target.Replace('\\', '/').Split('/').Reverse())
            {
                parts.Push(next);
            }
        }

        ModelFormatException Outside() =>
            new(Id, $"a link leads from '{name}' outside of the model's folder. Only files inside of it are read.");
    }
}
