using System.Globalization;
using System.Runtime;
using System.Runtime.CompilerServices;

namespace OnnxStream.Interop.Cli;

/// <summary>What this process holds besides a session: the difference between a limit of the process and the budget of its session.</summary>
internal sealed class ProcessMemory
{
    /// <summary>
    /// What .NET still grows by after a model was loaded: code that is compiled when it is first used, the stacks of threads,
    /// what planning and running allocate. Measured with the networks of Stable Diffusion 1.5 at their smallest limits.
    /// </summary>
    private static readonly long ReserveBytes = (RuntimeFeature.IsDynamicCodeCompiled ? 26L : 12L) << 20;

    // Two processes that do the same are not equally large: a limit that one of them names must do for the next.
    private const long VariationBytes = 2L << 20;

    private const long MiB = 1L << 20;

    private readonly long _peakBytes;

    private ProcessMemory(long otherBytes, long peakBytes)
    {
        OtherBytes = otherBytes;
        _peakBytes = peakBytes;
    }

    /// <summary>What the process holds besides the session, at the most.</summary>
    public long OtherBytes { get; }

    /// <summary>Measures what is resident now, after cleaning up.</summary>
    /// <param name="tensorBytes">The tensors that the caller is still going to hold.</param>
    public static ProcessMemory Measure(long tensorBytes)
    {
        CleanUp();
        return new ProcessMemory(ResidentBytes() + ReserveBytes + tensorBytes, PeakMemory.Bytes);
    }

    /// <summary>Gives memory that .NET no longer needs back to the system.</summary>
    public static void CleanUp()
    {
        GCSettings.LargeObjectHeapCompactionMode = GCLargeObjectHeapCompactionMode.CompactOnce;
        GC.Collect(2, GCCollectionMode.Aggressive, blocking: true, compacting: true);
    }

    /// <summary>The budget of a session in a process of at most <paramref name="limit"/> bytes.</summary>
    /// <remarks>A limit that is exceeded already leaves nothing, so that it is refused.</remarks>
    public long BudgetFor(long limit) => limit < _peakBytes ? 0 : limit - OtherBytes;

    /// <summary>The most that the process holds while a plan runs.</summary>
    public long PeakFor(PlanSummary plan) => Math.Max(_peakBytes, OtherBytes + plan.PeakBytes);

    /// <summary>The smallest limit of the process that a session with this smallest budget can meet, in whole mebibytes.</summary>
    public long SmallestLimit(long smallestBudget) =>
        (Math.Max(_peakBytes, OtherBytes + smallestBudget) + VariationBytes + MiB - 1) / MiB * MiB;

    /// <summary>The error that names the smallest limit that can be met.</summary>
    public UsageException TooLittle(long limit, long smallestBudget) =>
        new($"--memory {Quantity.Bytes(limit)} is too small: this model with inputs of these shapes needs --memory {SmallestLimit(smallestBudget) / MiB}MB at least.");

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
}
