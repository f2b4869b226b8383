using System.Runtime.InteropServices;

namespace OnnxStream.Interop.Build;

/// <summary>The machine that builds.</summary>
/// <param name="System">Its operating system.</param>
/// <param name="Architecture">Its processor.</param>
/// <param name="IsPrivileged">Whether this is root, who may install packages.</param>
/// <param name="SearchPath">The folders with programs, as in the environment variable <c>PATH</c>.</param>
internal sealed record BuildHost(OSPlatform System, Architecture Architecture, bool IsPrivileged, string SearchPath)
{
    // On Windows, a name without an extension stands for a file with one of these.
    private static readonly string[] s_windowsExtensions = [".exe", ".cmd", ".bat"];

    /// <summary>The machine that this program runs on.</summary>
    public static BuildHost Current { get; } = new(
        OperatingSystem.IsWindows() ? OSPlatform.Windows : OperatingSystem.IsMacOS() ? OSPlatform.OSX : OSPlatform.Linux,
        RuntimeInformation.OSArchitecture,
        Environment.IsPrivilegedProcess,
        Environment.GetEnvironmentVariable("PATH") ?? "");

    /// <summary>Whether this is Windows.</summary>
    public bool IsWindows => System == OSPlatform.Windows;

    /// <summary>Whether this is macOS.</summary>
    public bool IsMacOS => System == OSPlatform.OSX;

    /// <summary>Whether packages are installed with apt-get, as on Debian and Ubuntu.</summary>
    public bool HasApt => Find("apt-get") is not null;

    /// <summary>Whether this machine compiles for 64-bit ARM Linux with Debian's cross-compiler.</summary>
    public bool BuildsForArm => RuntimeIdentifier == "linux-x64";

    /// <summary>The runtime identifier of this machine, or null where the build knows none.</summary>
    public string? RuntimeIdentifier => Architecture switch
    {
        Architecture.X64 when System == OSPlatform.Linux => "linux-x64",
        Architecture.Arm64 when System == OSPlatform.Linux => "linux-arm64",
        Architecture.Arm64 when IsMacOS => "osx-arm64",
        Architecture.X64 when IsWindows => "win-x64",
        _ => null,
    };

    /// <summary>Finds a program.</summary>
    /// <param name="names">What it may be called; the first that is there is taken. A full path is taken as it is.</param>
    /// <returns>Its full path, or null where there is none.</returns>
    public string? Find(params ReadOnlySpan<string> names)
    {
        foreach (string name in names)
        {
            foreach (string folder in SearchPath.Split(Path.PathSeparator, StringSplitOptions.RemoveEmptyEntries))
            {
                // Of two full paths, Path.Combine returns the second.
                string path = Path.Combine(folder, name);
                string? found = IsWindows ? s_windowsExtensions.Select(extension => path + extension).FirstOrDefault(File.Exists) : path;
                if (found is not null && IsExecutable(found))
                {
                    return found;
                }
            }
        }

        return null;
    }

    private static bool IsExecutable(string path) =>
        File.Exists(path)
        && (OperatingSystem.IsWindows()
            || (File.GetUnixFileMode(path) & (UnixFileMode.UserExecute | UnixFileMode.GroupExecute | UnixFileMode.OtherExecute)) != 0);
}
