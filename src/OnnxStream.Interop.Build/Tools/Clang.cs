using System.Globalization;
using System.Text.RegularExpressions;

namespace OnnxStream.Interop.Build.Tools;

/// <summary>A Clang that is new enough for XNNPACK. This is the one search for it: CMake and MSBuild are told what was found.</summary>
/// <param name="Path">Where it is.</param>
/// <param name="Version">Its major version. Apple has version numbers of its own, and all that it still supports are new enough.</param>
internal sealed partial record Clang(string Path, int Version)
{
    private const int OldestVersion = 16;

    /// <summary>The versions of LLVM that are asked for by name, newest first.</summary>
    public static IReadOnlyList<int> NamedVersions { get; } = [19, 18, 17, OldestVersion];

    /// <summary>Finds the Clang to build with, or null.</summary>
    public static Clang? Find(BuildHost host)
    {
        string[] names = host.IsWindows
            ? ["clang-cl", System.IO.Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.ProgramFiles), "LLVM", "bin", "clang-cl")]
            : [.. NamedVersions.Select(version => $"clang-{version}"), "clang"];
        foreach (string name in names)
        {
            if (host.Find(name) is string path && ExternalProgram.Read(path, "--version") is string text)
            {
                Match match = VersionText().Match(text);
                if (match.Success && int.Parse(match.Groups["major"].Value, CultureInfo.InvariantCulture) is int version && (version >= OldestVersion || match.Groups["apple"].Success))
                {
                    return new Clang(path, version);
                }
            }
        }

        return null;
    }

    /// <summary>Whether the linker of the same release is there.</summary>
    public bool HasLinker(BuildHost host) =>
        ExternalProgram.Read(Path, "-print-prog-name=ld.lld") is string linker && host.Find(linker.Trim()) is not null;

    [GeneratedRegex(@"(?<apple>^Apple )?clang version (?<major>\d+)")]
    private static partial Regex VersionText();
}
