using OnnxStream.Interop.Weights;

namespace OnnxStream.Interop.Pipelines;

/// <summary>Where the files of a pipeline lie: in the file system, by their paths, or in a place of <see cref="ModelFiles"/>, by their names in it.</summary>
/// <param name="files">The place; null for the file system.</param>
internal sealed class PipelineFiles(ModelFiles? files)
{
    // Vocabularies and settings, which are read whole; the largest that are known have a tenth of it.
    private const long MostBytes = 64 << 20;

    // A server is asked for each file once.
    private readonly Dictionary<string, WeightSource?> _found = [];

    /// <summary>Whether there is such a file.</summary>
    public bool Exists(string path) => files is null ? File.Exists(path) : Find(path) is not null;

    /// <summary>Opens a file that is small.</summary>
    /// <exception cref="FileNotFoundException">There is no such file.</exception>
    /// <exception cref="ModelFormatException">It is larger than any file of its kind.</exception>
    public Stream OpenRead(string path)
    {
        if (files is null)
        {
            return File.OpenRead(path);
        }

        WeightSource source = Find(path) ?? throw new FileNotFoundException($"There is no file '{path}' in '{files.Id}'.", path);
        if (source.Length > MostBytes)
        {
            throw new ModelFormatException(source.Id, $"the file has {source.Length:N0} bytes; at most {MostBytes:N0} are read.");
        }

        byte[] bytes = new byte[source.Length];
        try
        {
            source.Read(0, bytes);
        }
        catch (Exception exception) when (exception is not OnnxStreamException)
        {
            throw new WeightsException($"{source.Id}: the file cannot be read: {exception.Message}", exception);
        }

        return new MemoryStream(bytes, writable: false);
    }

    /// <summary>The lines of a text.</summary>
    public IEnumerable<string> ReadLines(string path)
    {
        using StreamReader reader = new(OpenRead(path));
        while (reader.ReadLine() is { } line)
        {
            yield return line;
        }
    }

    /// <summary>Reads a model.</summary>
    public Model LoadModel(string path) => files is null ? Model.Load(path) : Model.Load(files, path);

    private WeightSource? Find(string path)
    {
        if (!_found.TryGetValue(path, out WeightSource? source))
        {
            _found.Add(path, source = files!.Find(path));
        }

        return source;
    }
}
