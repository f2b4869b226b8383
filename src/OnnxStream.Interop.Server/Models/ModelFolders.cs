using OnnxStream.Interop.Diffusion;

namespace OnnxStream.Interop.Server.Models;

/// <summary>Finds out which folders hold models, by having each library read them.</summary>
internal static class ModelFolders
{
    /// <summary>The models of the options' folders.</summary>
    /// <param name="options">The folders.</param>
    /// <param name="skip">Is told of a folder among others that holds no model, and why.</param>
    /// <exception cref="DirectoryNotFoundException">A folder does not exist.</exception>
    /// <exception cref="ModelFormatException">A folder that was named holds no model.</exception>
    public static IEnumerable<ServedModel> Find(ModelShelfOptions options, Action<string, string> skip)
    {
        foreach (string folder in options.ModelFolders)
        {
            if (!Directory.Exists(folder))
            {
                throw new DirectoryNotFoundException($"The model folder {folder} does not exist.");
            }

            yield return Read(folder, options, out string reason) ?? throw new ModelFormatException(folder, $"the folder holds no model that can be served: {reason}");
        }

        if (options.Folder is null)
        {
            yield break;
        }

        if (!Directory.Exists(options.Folder))
        {
            throw new DirectoryNotFoundException($"The folder of models {options.Folder} does not exist.");
        }

        foreach (string folder in Directory.EnumerateDirectories(options.Folder).Order(StringComparer.Ordinal))
        {
            if (Read(folder, options, out string reason) is { } model)
            {
                yield return model;
            }
            else
            {
                skip(folder, reason);
            }
        }
    }

    private static ServedModel? Read(string folder, ModelShelfOptions options, out string reason)
    {
        folder = Path.TrimEndingDirectorySeparator(Path.GetFullPath(folder));
        string name = Path.GetFileName(folder);
        List<string> reasons = [];
        reason = "";
        foreach (Func<ServedModel> open in (Func<ServedModel>[])
            [
                () => new DiffusionModel(name, folder, PipelineConfiguration.FromFolder(folder), options),
                () => new SpeechModel(name, folder, options),
                () => new TextModel(name, folder, options),
                () => new EmbeddingModel(name, folder, options),
            ])
        {
            try
            {
                return open();
            }
            catch (Exception exception) when (exception is OnnxStreamException or IOException or UnauthorizedAccessException or FormatException)
            {
                reasons.Add(exception.Message);
            }
        }

        reason = string.Join(" ", reasons);
        return null;
    }
}
