using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace OnnxStream.Interop.Native;

/// <summary>What the operating system is told about mapped pages: bring them in, or let them go.</summary>
/// <remarks>Everything here is advice: where a system does not know it, the pages come and go as it sees fit.</remarks>
internal static unsafe partial class OperatingSystemMemory
{
    private const int AdviseWillNeed = 3;
    private const int AdviseDontNeed = 4;
    private const int AdvisePopulateRead = 22;
    private const int ReadWithoutWaiting = 8;

    private static bool s_populate = OperatingSystem.IsLinux();

    /// <summary>Makes the pages of a mapped range this process's memory with one call, where the system has one for it; elsewhere they come when they are touched.</summary>
    public static void Populate(byte* start, long length)
    {
        // Kernels before 5.14 refuse it.
        if (s_populate && madvise(FirstPage(start), PagesLength(start, length), AdvisePopulateRead) != 0)
        {
            s_populate = false;
        }
    }

    /// <summary>Lets the system read a mapped range from disk into its cache of files; it does not become this process's memory yet.</summary>
    public static void WillNeed(byte* start, long length)
    {
        byte* first = FirstPage(start);
        nuint size = PagesLength(start, length);
        if (OperatingSystem.IsWindows())
        {
            MemoryRange range = new() { Address = first, Size = size };
            _ = PrefetchVirtualMemory(-1, 1, &range, 0);
        }
        else
        {
            _ = madvise(first, size, AdviseWillNeed);
        }
    }

    /// <summary>Whether a byte of a file can be read without waiting for the disk; false where the system does not tell.</summary>
    public static bool IsCached(SafeFileHandle file, long offset)
    {
        if (!OperatingSystem.IsLinux())
        {
            return false;
        }

        byte value;
        IoVector vector = new() { Base = &value, Length = 1 };
        bool isHeld = false;
        try
        {
            file.DangerousAddRef(ref isHeld);
            return preadv2((int)file.DangerousGetHandle(), &vector, 1, offset, ReadWithoutWaiting) == 1;
        }
        finally
        {
            if (isHeld)
            {
                file.DangerousRelease();
            }
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

    [DllImport("libc", ExactSpelling = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern nint preadv2(int file, IoVector* vectors, int count, long offset, int flags);

    private struct IoVector
    {
        public void* Base;
        public nuint Length;
    }

    private struct MemoryRange
    {
        public void* Address;
        public nuint Size;
    }
}
