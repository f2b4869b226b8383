using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;

namespace OnnxStream.Interop.Cli;

/// <summary>The most memory that this process ever had resident, as the operating system counts it.</summary>
internal static partial class PeakMemory
{
    /// <summary>The peak resident set in bytes; 0 where the operating system does not tell.</summary>
    public static long Bytes =>
        OperatingSystem.IsLinux() ? LinuxBytes() :
        OperatingSystem.IsMacOS() ? MacOSBytes() :
        WindowsBytes();

    // Not getrusage: what it counts on Linux survives exec, so a small tool would inherit the peak of the process that started it.
    private static long LinuxBytes()
    {
        foreach (string line in File.ReadLines("/proc/self/status"))
        {
            if (line.StartsWith("VmHWM:", StringComparison.Ordinal))
            {
                ReadOnlySpan<char> kibibytes = line.AsSpan("VmHWM:".Length).Trim();
                return long.Parse(kibibytes[..kibibytes.IndexOf(' ')], CultureInfo.InvariantCulture) * 1024;
            }
        }

        return 0;
    }

    private static long MacOSBytes() => GetResourceUsage(0, out ResourceUsage usage) == 0 ? usage.MaxResidentSetSize : 0;

    private static long WindowsBytes()
    {
        using Process process = Process.GetCurrentProcess();
        return process.PeakWorkingSet64;
    }

    [LibraryImport("libc", EntryPoint = "getrusage")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int GetResourceUsage(int who, out ResourceUsage usage);

    /// <summary>The layout of <c>struct rusage</c> on macOS: two times of 16 bytes, then fourteen longs.</summary>
    [StructLayout(LayoutKind.Explicit, Size = 144)]
    private struct ResourceUsage
    {
        [FieldOffset(32)]
        public nint MaxResidentSetSize;
    }
}
