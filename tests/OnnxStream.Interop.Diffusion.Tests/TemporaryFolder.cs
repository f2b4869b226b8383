namespace OnnxStream.Interop.Diffusion.Tests;

/// <summary>A folder that a test fills, and that goes away with it.</summary>
internal sealed class TemporaryFolder : IDisposable
{
    public TemporaryFolder() => FullPath = Directory.CreateTempSubdirectory("onnxstream-").FullName;

    public string FullPath { get; }

    public string Combine(string relative) => Path.Combine(FullPath, relative);

    public string Write(string relative, string text)
    {
        string path = Combine(relative);
        _ = Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        File.WriteAllText(path, text);
        return path;
    }

    public string Copy(string source, string relative)
    {
        string path = Combine(relative);
        _ = Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        File.Copy(source, path);
        return path;
    }

    public void Dispose() => Directory.Delete(FullPath, recursive: true);
}
