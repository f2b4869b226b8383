using System.Globalization;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace OnnxStream.Interop.Cli;

/// <summary>The pages of this program's own file that are in memory.</summary>
/// <remarks>
/// Linux maps sixteen pages of a program around each one that is touched, if the file is cached: of 25 MB, 18 are then resident, of which a run uses two. Once
/// the pages have left the cache, only those come back that are used.
/// </remarks>
internal static partial class ProgramPages
{
    // madvise(2), the same numbers on every processor that Linux runs on here.
    private const int ReadSinglePages = 1;
    private const int LetPagesGo = 21;

    /// <summary>Gives the program's pages back to the system, which reads those that are still used from the file again.</summary>
    /// <remarks>
    /// It does nothing where the system has no such call (before Linux 5.4), where the program's file belongs to somebody else, and where .NET compiles
    /// while it runs: then most of the program is no file.
    /// </remarks>
    public static void LetGo()
    {
        if (!OperatingSystem.IsLinux() || RuntimeFeature.IsDynamicCodeCompiled || Environment.ProcessPath is not { } program)
        {
            return;
        }

        try
        {
            // 00200000-008b6000 r--p 00000000 fe:00 5318425      /usr/bin/onnxstream
            foreach (string line in File.ReadLines("/proc/self/maps").Where(line => line.EndsWith(program, StringComparison.Ordinal)).ToList())
            {
                string[] range = line[..line.IndexOf(' ')].Split('-');
                nint start = nint.Parse(range[0], NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture);
                nint length = nint.Parse(range[1], NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture) - start;
                _ = madvise(start, length, ReadSinglePages);
                _ = madvise(start, length, LetPagesGo);
            }
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException or EntryPointNotFoundException)
        {
            // No /proc: the pages stay.
        }
    }

    [LibraryImport("libc")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int madvise(nint address, nint length, int advice);
}
