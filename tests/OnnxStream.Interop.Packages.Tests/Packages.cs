using System.IO.Compression;

namespace OnnxStream.Interop.Packages.Tests;

/// <summary>The packages that <c>./build.sh pack</c> left, and a user's environment for them. Made once, when a test first asks.</summary>
internal static class Packages
{
    /// <summary>The root of this repository.</summary>
    public static string Repository { get; } = FindRepository();

    /// <summary>The folder of the packages.</summary>
    public static string Feed { get; } = Path.Combine(Repository, "artifacts", "packages");

    /// <summary>The demo model.</summary>
    public static string Model { get; } = Path.Combine(Repository, "src", "OnnxStream.Interop.Diffusion", "Models", "tiny-shapes");

    /// <summary>The native libraries' platform on this machine.</summary>
    public static string Rid { get; } = System.Runtime.InteropServices.RuntimeInformation.RuntimeIdentifier;

    /// <summary>The one package of an identity.</summary>
    public static string File(string id)
    {
        // OnnxStream.Interop.0.1.0, and not OnnxStream.Interop.Cli.0.1.0.
        string[] found = Directory.Exists(Feed) ? [.. Directory.EnumerateFiles(Feed, $"{id}.*.nupkg").Where(path => char.IsAsciiDigit(Path.GetFileName(path)[id.Length + 1]))] : [];
        if (found.Length == 0)
        {
            Assert.Ignore($"{id} is not in artifacts/packages: './build.sh pack' makes it, on a machine that can compile for that platform.");
        }

        return found.Single();
    }

    /// <summary>The version of all packages.</summary>
    public static string Version => Path.GetFileNameWithoutExtension(File("OnnxStream.Interop"))["OnnxStream.Interop.".Length..];

    /// <summary>The files in a package.</summary>
    public static IReadOnlyList<(string Name, long Length)> Entries(string id)
    {
        using ZipArchive archive = ZipFile.OpenRead(File(id));
        return [.. archive.Entries.Select(entry => (entry.FullName, entry.Length))];
    }

    /// <summary>Makes a folder with the settings of a user who has the packages in a local feed, and everything else from the usual sources.</summary>
    /// <remarks>
    /// Packages are kept in a cache of their own, so that neither the packages of this build get into the user's, nor those of an earlier
    /// build are taken from there.
    /// </remarks>
    public static string CreateUser(string folder)
    {
        string cache = Environment.GetEnvironmentVariable("ONNXSTREAM_CACHE")
            ?? Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".cache", "onnxstream-interop");
        string packages = Path.Combine(cache, "package-tests");
        Directory.CreateDirectory(packages);
        foreach (string stale in Directory.EnumerateDirectories(packages, "onnxstream.interop*"))
        {
            Directory.Delete(stale, recursive: true);
        }

        System.IO.File.WriteAllText(Path.Combine(folder, "nuget.config"), $"""
            <configuration>
              <config>
                <add key="globalPackagesFolder" value="{packages}" />
              </config>
              <packageSources>
                <add key="packed" value="{Feed}" />
              </packageSources>
            </configuration>
            """);
        return folder;
    }

    private static string FindRepository()
    {
        DirectoryInfo? folder = new(AppContext.BaseDirectory);
        while (folder is not null && !System.IO.File.Exists(Path.Combine(folder.FullName, "OnnxStream.Interop.sln")))
        {
            folder = folder.Parent;
        }

        return folder?.FullName ?? throw new DirectoryNotFoundException($"No folder above {AppContext.BaseDirectory} has OnnxStream.Interop.sln.");
    }
}
