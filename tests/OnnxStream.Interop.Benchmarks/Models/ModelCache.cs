namespace OnnxStream.Interop.Benchmarks.Models;

/// <summary>A folder outside of the checkout in which generated models stay, so that they are made once on a machine.</summary>
/// <param name="Folder">The folder.</param>
/// <param name="Version">What makes models. It changes when they would become others; those of another version are made again.</param>
internal sealed record ModelCache(string Folder, string Version)
{
    private const string MarkerName = "complete";

    /// <summary>The cache of this user for models of a kind: <c>models/KIND</c> in <c>ONNXSTREAM_CACHE</c>, where the build keeps native libraries as well.</summary>
    public static ModelCache Of(string kind, string version) => new(Path.Combine(Root(), "models", kind), version);

    /// <summary>The folder of a model's files.</summary>
    public string FolderOf(string name) => Path.Combine(Folder, name);

    /// <summary>The file of a model.</summary>
    public string PathOf(string name) => Path.Combine(FolderOf(name), "model.onnx");

    /// <summary>Makes a model's files unless they are there.</summary>
    /// <param name="name">The model.</param>
    /// <param name="write">Writes <c>model.onnx</c> and what belongs to it into a folder.</param>
    /// <param name="report">Is told what takes a while.</param>
    /// <returns>The path of the model.</returns>
    public string Ensure(string name, Action<string> write, Action<string> report)
    {
        string folder = FolderOf(name);
        if (IsComplete(folder))
        {
            return PathOf(name);
        }

        // Beside and renamed: a folder with the marker is whole, whenever a process may have been stopped.
        report($"{name}: generating in {folder} (once)");
        string partial = $"{folder}.partial-{Environment.ProcessId}";
        try
        {
            Directory.CreateDirectory(partial);
            write(partial);
            File.WriteAllText(Path.Combine(partial, MarkerName), Version);
            if (Directory.Exists(folder) && !IsComplete(folder))
            {
                Directory.Delete(folder, recursive: true);
            }

            if (!Directory.Exists(folder))
            {
                Directory.Move(partial, folder);
            }
        }
        finally
        {
            if (Directory.Exists(partial))
            {
                Directory.Delete(partial, recursive: true);
            }
        }

        return PathOf(name);
    }

    private bool IsComplete(string folder)
    {
        string marker = Path.Combine(folder, MarkerName);
        return File.Exists(marker) && File.ReadAllText(marker) == Version;
    }

    private static string Root()
    {
        if (Environment.GetEnvironmentVariable("ONNXSTREAM_CACHE") is { Length: > 0 } folder)
        {
            return Path.GetFullPath(folder);
        }

        return OperatingSystem.IsWindows()
            ? Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.LocalApplicationData), "onnxstream-interop")
            : Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".cache", "onnxstream-interop");
    }
}
