using System.Globalization;
using System.Runtime;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace OnnxStream.Interop.Cli;

/// <summary>What this process holds besides a session: the difference between a limit of the process and the budget of its session.</summary>
internal sealed partial class ProcessMemory
{
    /// <summary>
    /// What the process still grows by when its session has been planned: code that runs for the first time, or again (<see cref="ProgramPages"/>), the stacks of
    /// threads, what running allocates.
    /// </summary>
    private static readonly long ReserveBytes = (RuntimeFeature.IsDynamicCodeCompiled ? 48L : 9L) << 19;

    // Two processes that do the same are not equally large: a limit that one of them names must do for the next.
    private const long VariationBytes = 768L << 10;

    private const long MiB = 1L << 20;

    // mallopt(3) of glibc.
    private const int MappingThreshold = -3;
    private const int TrimThreshold = -1;
    private const int MappedBytes = 256 << 10;

    private readonly long _peakBytes;

    private ProcessMemory(long otherBytes, long peakBytes)
    {
        OtherBytes = otherBytes;
        _peakBytes = peakBytes;
    }

    /// <summary>What the process holds besides the session, at the most.</summary>
    public long OtherBytes { get; }

    /// <summary>Prepares a process that shall keep to a limit: what it no longer needs goes back to the system at once. To be called before the work begins.</summary>
    /// <remarks>
    /// glibc keeps large blocks, up to 32 MiB each, once it has seen that blocks of their size come and go: for a process with a limit that is as if they
    /// were in use. Other C libraries have no such function, and need none.
    /// </remarks>
    public static void StaySmall()
    {
        ProgramPages.LetGo();
        if (OperatingSystem.IsLinux())
        {
            try
            {
                _ = mallopt(MappingThreshold, MappedBytes);
                _ = mallopt(TrimThreshold, MappedBytes);
            }
            catch (EntryPointNotFoundException)
            {
            }
        }
    }

    /// <summary>Measures what is resident now beside a session that has been planned, after cleaning up.</summary>
    /// <param name="sessionBytes">What is resident of the session.</param>
    /// <param name="tensorBytes">The tensors that the caller is still going to hold.</param>
    public static ProcessMemory Measure(long sessionBytes, long tensorBytes)
    {
        CleanUp();
        return new ProcessMemory(ResidentBytes() - sessionBytes + ReserveBytes + tensorBytes, PeakMemory.Bytes);
    }

    /// <summary>Gives memory that .NET, the C library and the program's file no longer need back to the system.</summary>
    public static void CleanUp()
    {
        GCSettings.LargeObjectHeapCompactionMode = GCLargeObjectHeapCompactionMode.CompactOnce;
        GC.Collect(2, GCCollectionMode.Aggressive, blocking: true, compacting: true);
        if (OperatingSystem.IsLinux())
        {
            try
            {
                _ = malloc_trim(0);
            }
            catch (EntryPointNotFoundException)
            {
            }
        }

        ProgramPages.LetGo();
    }

    /// <summary>The budget of a session in a process of at most <paramref name="limit"/> bytes.</summary>
    public long BudgetFor(long limit) => limit - OtherBytes;

    /// <summary>The most that the process holds while a plan runs.</summary>
    public long PeakFor(PlanSummary plan) => PeakFor(plan.PeakBytes);

    /// <summary>The most that the process holds while a session holds so much.</summary>
    public long PeakFor(long sessionBytes) => Math.Max(_peakBytes, OtherBytes + sessionBytes);

    /// <summary>The smallest limit of the process that a session with this smallest budget can meet, in whole mebibytes.</summary>
    public long SmallestLimit(long smallestBudget) => (Needed(smallestBudget) + VariationBytes + MiB - 1) / MiB * MiB;

    /// <summary>Whether a session with this smallest budget can meet a limit of the process.</summary>
    public bool Allows(long limit, long smallestBudget) => limit >= Needed(smallestBudget);

    /// <summary>Refuses a limit that a session with this smallest budget cannot meet.</summary>
    /// <exception cref="UsageException">It cannot.</exception>
    public void Check(long limit, long smallestBudget)
    {
        if (!Allows(limit, smallestBudget))
        {
            throw TooLittle(limit, smallestBudget);
        }
    }

    /// <summary>The error that names the smallest limit that can be met.</summary>
    public UsageException TooLittle(long limit, long smallestBudget) =>
        new($"--memory {Quantity.Bytes(limit)} is too small: this model with inputs of these shapes needs --memory {SmallestLimit(smallestBudget) / MiB}MB at least.");

    // The session that runs is planned again, and not to the byte as the first one was.
    private long Needed(long smallestBudget) => Math.Max(_peakBytes + VariationBytes, OtherBytes + smallestBudget);

    private static long ResidentBytes()
    {
        // The sum over mappings: VmRSS in /proc/self/status may lag behind by what threads have not yet accounted for.
        if (OperatingSystem.IsLinux() && File.Exists("/proc/self/smaps_rollup"))
        {
            foreach (string line in File.ReadLines("/proc/self/smaps_rollup"))
            {
                if (line.StartsWith("Rss:", StringComparison.Ordinal))
                {
                    ReadOnlySpan<char> kibibytes = line.AsSpan("Rss:".Length).Trim();
                    return long.Parse(kibibytes[..kibibytes.IndexOf(' ')], CultureInfo.InvariantCulture) * 1024;
                }
            }
        }

        return Environment.WorkingSet;
    }

    [LibraryImport("libc")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int mallopt(int parameter, int value);

    [LibraryImport("libc")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int malloc_trim(nuint padding);
}
