namespace OnnxStream.Interop.Cli;

/// <summary>A model that a command was given: a file or folder, or the address of one, with what must stay open as long as it is used.</summary>
internal sealed class OpenedModel : IDisposable
{
    private readonly HttpFiles? _files;

    private OpenedModel(Model model, HttpFiles? files)
    {
        Model = model;
        _files = files;
    }

    /// <summary>The model.</summary>
    public Model Model { get; }

    /// <summary>Opens a model.</summary>
    /// <param name="place">A path, the name of a model that was pulled, or an address that begins with <c>http://</c> or <c>https://</c>.</param>
    /// <exception cref="FileNotFoundException">There is none.</exception>
    public static OpenedModel Open(string place)
    {
        if (!HttpFiles.IsAddress(place))
        {
            return new OpenedModel(Model.Load(PulledModels.Locate(place)), null);
        }

        if (!Uri.TryCreate(place, UriKind.Absolute, out Uri? address))
        {
            throw new UsageException($"{place}: this is no address of HTTP.");
        }

        (Model model, HttpFiles files) = HttpFiles.OpenModel(address);
        return new OpenedModel(model, files);
    }

    /// <inheritdoc/>
    public void Dispose() => _files?.Dispose();
}
