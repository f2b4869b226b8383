using System.Security.Cryptography;
using System.Text;

namespace OnnxStream.Interop.Build.TestRuns;

/// <summary>Packages that were made earlier from the same files.</summary>
/// <param name="Folder">Where they are kept.</param>
internal sealed record PackageCache(string Folder)
{
    private static readonly string[] s_folders = ["src", "bindings", "packaging", "cmake", "native", "artifacts/native"];

    /// <summary>The packages of the files in the repository, as they are now.</summary>
    public static PackageCache ForCurrentSources()
    {
        using IncrementalHash hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        hash.AppendData(Encoding.UTF8.GetBytes(ExternalProgram.Read(ExternalProgram.Dotnet, "--version") ?? ""));
        IEnumerable<string> files = s_folders
            .SelectMany(folder => Directory.EnumerateFiles(folder, "*", SearchOption.AllDirectories))
            .Concat(Directory.EnumerateFiles(".", "Directory.*"))
            .Concat(["README.md", "LICENSE", "THIRD-PARTY-NOTICES.txt"])
            .Order(StringComparer.Ordinal);
        foreach (string file in files)
        {
            hash.AppendData(Encoding.UTF8.GetBytes(file));
            hash.AppendData(File.ReadAllBytes(file));
        }

        string key = Convert.ToHexStringLower(hash.GetHashAndReset())[..20];
        return new PackageCache(Path.Combine(CacheFolder(), "packages", key));
    }

    /// <summary>Copies the packages to a folder.</summary>
    /// <returns>Whether there are any.</returns>
    public bool TryRestore(string folder)
    {
        if (!Directory.Exists(Folder))
        {
            return false;
        }

        Copy(Folder, folder);
        return true;
    }

    /// <summary>Keeps the packages of a folder, and no earlier ones.</summary>
    public void Store(string folder)
    {
        string all = Path.GetDirectoryName(Folder)!;
        if (Directory.Exists(all))
        {
            Directory.Delete(all, recursive: true);
        }

        // Renamed when all files are there: a copy that was cut short is never taken for a whole one.
        string incoming = $"{Folder}.incoming";
        Copy(folder, incoming);
        Directory.Move(incoming, Folder);
    }

    private static void Copy(string from, string to)
    {
        if (Directory.Exists(to))
        {
            Directory.Delete(to, recursive: true);
        }

        _ = Directory.CreateDirectory(to);
        foreach (string file in Directory.EnumerateFiles(from))
        {
            File.Copy(file, Path.Combine(to, Path.GetFileName(file)));
        }
    }

    // The same folder as in cmake/cache.cmake.
    private static string CacheFolder()
    {
        if (Environment.GetEnvironmentVariable("ONNXSTREAM_CACHE") is { Length: > 0 } chosen)
        {
            return chosen;
        }

        string? parent = OperatingSystem.IsWindows() ? Environment.GetFolderPath(Environment.SpecialFolder.LocalApplicationData)
            : Environment.GetEnvironmentVariable("XDG_CACHE_HOME") is { Length: > 0 } caches ? caches
            : Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".cache");
        return Path.Combine(parent, "onnxstream-interop");
    }
}
