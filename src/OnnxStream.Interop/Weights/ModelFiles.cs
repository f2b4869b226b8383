namespace OnnxStream.Interop.Weights;

/// <summary>Finds the files of a model by name: the model itself and those that it names (external data, <c>.bin</c> files). Derive from it to load models from an archive or from storage of your own.</summary>
/// <remarks>
/// <para>
/// A model is somebody else's file. The names in it are checked before <see cref="FindCore"/> sees them: none leads out of the place that
/// the files are in. Files are only looked for while a model is loaded, by one thread.
/// </para>
/// <para>
/// An instance belongs to its caller. If its sources hold something, such as an open archive, it should be disposed after the last session of
/// the models that were loaded from it.
/// </para>
/// </remarks>
public abstract class ModelFiles
{
    /// <summary>Names the place that the files are in.</summary>
    /// <param name="id">A folder, an archive, a URL: for messages, and as the path of OnnxStream models.</param>
    protected ModelFiles(string id)
    {
        ArgumentException.ThrowIfNullOrEmpty(id);
        Id = id;
    }

    /// <summary>The place that the files are in.</summary>
    public string Id { get; }

    /// <summary>Finds a file.</summary>
    /// <param name="name">Its name, with folders separated by <c>/</c> or <c>\</c>.</param>
    /// <returns>Null if there is no such file.</returns>
    /// <exception cref="ModelFormatException">The name is one that no model may use: an absolute path, or one with <c>..</c>, a colon or a NUL.</exception>
    /// <exception cref="WeightsException">The file cannot be opened.</exception>
    public WeightSource? Find(string name)
    {
        name = Check(name);
        try
        {
            return FindCore(name);
        }
        catch (Exception exception) when (exception is not OnnxStreamException)
        {
            throw new WeightsException($"{Id}: '{name}' cannot be opened: {exception.Message}", exception);
        }
    }

    /// <summary>The name as <see cref="FindCore"/> sees it.</summary>
    /// <exception cref="ModelFormatException">It is one that no model may use.</exception>
    internal string Check(string name)
    {
        ArgumentNullException.ThrowIfNull(name);
        string relative = name.Replace('\\', '/');
        string[] parts = relative.Split('/');
        return Path.IsPathRooted(relative) || relative.AsSpan().ContainsAny("\0:") || parts.Contains("..")
            ? throw new ModelFormatException(Id, $"the name '{name}' leaves the model's folder. Only files inside of it are read.")
            : string.Join('/', parts.Where(part => part is not ("" or ".")));
    }

    /// <summary>Finds a file whose name has been checked.</summary>
    /// <param name="name">Its name: relative, with folders separated by <c>/</c>, without <c>.</c> and <c>..</c>.</param>
    /// <returns>Null if there is no such file.</returns>
    protected abstract WeightSource? FindCore(string name);
}
