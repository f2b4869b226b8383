namespace OnnxStream.Interop.Benchmarks.Sd15;

/// <summary>The folder outside of the checkout in which generated models stay, so that they are made once on a machine.</summary>
/// <param name="Folder">The folder.</param>
internal sealed record ModelCache(string Folder)
{
    // Changes when the generator writes something else; models of another version are made again.
    private const string Version = "stable diffusion 1.5, generator 1\n";
    private const string MarkerName = "complete";

    /// <summary>The cache of this user: <c>models/sd15</c> in <c>ONNXSTREAM_CACHE</c>, where the build keeps native libraries as well.</summary>
    public static ModelCache Default { get; } = new(Path.Combine(Root(), "models", "sd15"));

    /// <summary>The file of a network.</summary>
    public string PathOf(Network network) => Path.Combine(Folder, network.Name, "model.onnx");

    /// <summary>Makes a network's files unless they are there.</summary>
    /// <param name="network">The network.</param>
    /// <param name="report">Is told what takes a while.</param>
    /// <returns>The path of the model.</returns>
    public string Ensure(Network network, Action<string> report)
    {
        string folder = Path.Combine(Folder, network.Name);
        if (IsComplete(folder))
        {
            return PathOf(network);
        }

        // Beside and renamed: a folder with the marker is whole, whenever a process may have been stopped.
        report($"{network.Name}: generating in {folder} (once)");
        string partial = $"{folder}.partial-{Environment.ProcessId}";
        try
        {
            Directory.CreateDirectory(partial);
            long parameters = network.Write(partial);
            File.WriteAllText(Path.Combine(partial, MarkerName), Version);
            if (Directory.Exists(folder) && !IsComplete(folder))
            {
                Directory.Delete(folder, recursive: true);
            }

            if (!Directory.Exists(folder))
            {
                Directory.Move(partial, folder);
            }

            report($"{network.Name}: {parameters / 1e6:0.0} million parameters");
        }
        finally
        {
            if (Directory.Exists(partial))
            {
                Directory.Delete(partial, recursive: true);
            }
        }

        return PathOf(network);
    }

    private static bool IsComplete(string folder)
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
