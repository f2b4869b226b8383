namespace OnnxStream.Interop.Cli;

/// <summary>Models by the names that they were pulled by.</summary>
internal static class PulledModels
{
    /// <summary>The file or folder that a model is.</summary>
    /// <param name="place">A path, which goes before all names, or the name of a model that was pulled.</param>
    /// <exception cref="FileNotFoundException">It is neither.</exception>
    public static string Locate(string place)
    {
        if (Path.Exists(place))
        {
            return place;
        }

        string? found = string.IsNullOrWhiteSpace(place) ? null : new LocalModels().Find(place);
        return found ?? throw new FileNotFoundException(
            ModelRegistry.Find(place) is { } known ? $"{place}: the model is not here, or not all of it. 'onnxstream pull {known.Name}' downloads it." : $"{place}: no such file or folder.", place);
    }
}
