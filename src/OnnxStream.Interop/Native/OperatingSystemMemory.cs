using System.Runtime.InteropServices;

namespace OnnxStream.Interop.Native;

/// <summary>What the operating system is told about mapped pages: bring them in, or let them go.</summary>
/// <remarks>Everything here is advice: where a system does not know it, the pages come and go as it sees fit.</remarks>
internal static unsafe partial class OperatingSystemMemory
{
    private const int AdviseWillNeed = 3;
    private const int AdviseDontNeed = 4;
    private const int AdvisePopulateRead = 22;

    private static bool s_populate = OperatingSystem.IsLinux();

    /// <summary>Makes the pages of a mapped range resident, reading them from disk if need be.</summary>
    public static void Populate(byte* start, long length)
    {
        byte* first = FirstPage(start);
        nuint size = PagesLength(start, length);
        if (OperatingSystem.IsWindows())
        {
            MemoryRange range = new() { Address = first, Size = size };
            _ = PrefetchVirtualMemory(-1, 1, &range, 0);
        }
        else if (s_populate)
        {
            // One system call for the page tables of the whole range; kernels before 5.14 refuse it.
            if (madvise(first, size, AdvisePopulateRead) == 0)
            {
                return;
            }

            s_populate = false;
        }

        if (!OperatingSystem.IsWindows())
        {
            _ = madvise(first, size, AdviseWillNeed);
        }

        byte sum = 0;
        for (byte* page = first; page < start + length; page += Environment.SystemPageSize)
        {
            sum |= Volatile.Read(ref *page);
        }

        GC.KeepAlive(sum);
    }

    /// <summary>Lets the system read a mapped range from disk into its cache, without making it this process's memory.</summary>
    public static void WillNeed(byte* start, long length)
    {
        if (!OperatingSystem.IsWindows())
        {
            _ = madvise(FirstPage(start), PagesLength(start, length), AdviseWillNeed);
        }
    }

    /// <summary>Lets the pages of a mapped range go: they no longer count as this process's memory.</summary>
    public static void Discard(byte* start, long length)
    {
        byte* first = FirstPage(start);
        nuint size = PagesLength(start, length);
        if (OperatingSystem.IsWindows())
        {
            // Unlocking a range that is not locked takes it out of the working set.
            _ = VirtualUnlock(first, size);
        }
        else
        {
            _ = madvise(first, size, AdviseDontNeed);
        }
    }

    // Whole pages around the range. A neighbour that shares a page faults it in again from the page cache.
    private static byte* FirstPage(byte* start) => (byte*)((nuint)start & ~((nuint)Environment.SystemPageSize - 1));

    private static nuint PagesLength(byte* start, long length)
    {
        nuint mask = (nuint)Environment.SystemPageSize - 1;
        return (((nuint)start + (nuint)length + mask) & ~mask) - (nuint)FirstPage(start);
    }

    [DllImport("libc", ExactSpelling = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int madvise(void* address, nuint length, int advice);

    [DllImport("kernel32", ExactSpelling = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.System32)]
    private static extern int PrefetchVirtualMemory(nint process, nuint count, MemoryRange* ranges, uint flags);

    [DllImport("kernel32", ExactSpelling = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.System32)]
    private static extern int VirtualUnlock(void* address, nuint size);

    private struct MemoryRange
    {
        public void* Address;
        public nuint Size;
    }
}
