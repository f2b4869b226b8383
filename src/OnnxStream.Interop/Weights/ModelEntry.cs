namespace OnnxStream.Interop.Weights;

/// <summary>The file that describes a model, and the way to the files beside it.</summary>
internal sealed class ModelEntry
{
    private readonly ModelFiles _files;
    private readonly string _folder;

    private ModelEntry(string name, WeightSource source, ModelFiles files, string folder)
    {
        Name = name;
        Source = source;
        _files = files;
        _folder = folder;
    }

    /// <summary>The name of the file, without folders.</summary>
    public string Name { get; }

    /// <summary>The file itself.</summary>
    public WeightSource Source { get; }

    /// <summary>The name of the file for messages.</summary>
    public string Id => Source.Id;

    /// <summary>The name of the folder that the file is in.</summary>
    public string FolderId => _folder.Length == 0 ? _files.Id : $"{_files.Id}/{_folder}";

    /// <summary>A local file, which may be a link, with files in its folder.</summary>
    /// <param name="path">The file, as an absolute path.</param>
    /// <param name="followsLinks">Whether links in its folder may lead out of it.</param>
    public static ModelEntry OfFile(string path, bool followsLinks = false) =>
        new(Path.GetFileName(path), new FileSource(path), new FolderFiles(Path.GetDirectoryName(path)!, followsLinks), "");

    /// <summary>A file among others.</summary>
    /// <returns>Null if there is none of this name.</returns>
    /// <exception cref="ModelFormatException">The name is one that no model may use.</exception>
    /// <exception cref="WeightsException">The file cannot be opened.</exception>
    public static ModelEntry? TryOpen(ModelFiles files, string name)
    {
        name = files.Check(name);
        int folder = name.LastIndexOf('/');
        return files.Find(name) is { } source ? new ModelEntry(name[(folder + 1)..], source, files, name[..Math.Max(0, folder)]) : null;
    }

    /// <summary>A file that the model names, in the folder that it is in itself.</summary>
    /// <returns>Null if there is none of this name.</returns>
    /// <exception cref="ModelFormatException">The name is one that no model may use.</exception>
    /// <exception cref="WeightsException">The file cannot be opened.</exception>
    public WeightSource? Find(string name)
    {
        name = _files.Check(name);
        return _files.Find(_folder.Length == 0 ? name : $"{_folder}/{name}");
    }
}
