using System.Globalization;

namespace OnnxStream.Interop.Benchmarks.Serving;

/// <summary>What a process holds, by Linux' count.</summary>
/// <param name="ResidentBytes">Its resident memory.</param>
/// <param name="PeakBytes">The most that it had resident.</param>
/// <param name="Threads">Its threads.</param>
/// <param name="Handles">Its open files, sockets among them.</param>
/// <param name="ProcessorTime">The time that it computed.</param>
internal sealed record ProcessFigures(long ResidentBytes, long PeakBytes, int Threads, int Handles, TimeSpan ProcessorTime)
{
    // The kernel's ticks for user space have been hundredths of a second on all of its platforms that .NET runs on.
    private const int TicksPerSecond = 100;

    /// <summary>Reads those of a process.</summary>
    public static ProcessFigures Of(int processId)
    {
        string[] status = File.ReadAllLines($"/proc/{processId}/status");
        string stat = File.ReadAllText($"/proc/{processId}/stat");

        // The name may have spaces, and is in brackets; 'utime' and 'stime' are the 12th and 13th field behind it.
        string[] fields = stat[(stat.LastIndexOf(')') + 2)..].Split(' ');
        long ticks = long.Parse(fields[11], CultureInfo.InvariantCulture) + long.Parse(fields[12], CultureInfo.InvariantCulture);
        return new ProcessFigures(Number("VmRSS:") * 1024, Number("VmHWM:") * 1024, (int)Number("Threads:"), Directory.GetFileSystemEntries($"/proc/{processId}/fd").Length, TimeSpan.FromSeconds((double)ticks / TicksPerSecond));

        long Number(string name) => long.Parse(status.First(line => line.StartsWith(name, StringComparison.Ordinal)).AsSpan(name.Length).Trim().TrimEnd(" kB"), CultureInfo.InvariantCulture);
    }
}
