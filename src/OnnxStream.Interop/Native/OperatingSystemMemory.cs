using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace OnnxStream.Interop.Native;

/// <summary>What the operating system is asked for: to read files ahead into its cache, what is in there, and to take pages back.</summary>
internal static unsafe partial class OperatingSystemMemory
{
    private const int AdviseWillNeed = 3;
    private const int AdviseDontNeed = 4;
    private const int AdvisePopulateRead = 22;
    private const int ReadWithoutWaiting = 8;

    // cachestat(2), the same number for all processors that .NET runs on.
    private const int CacheStateCall = 451;

    private static bool s_knowsCachedPages = OperatingSystem.IsLinux();

    /// <summary>Has a range read from disk into the cache. An error is no error: whoever needs the bytes reads them and gets it.</summary>
    public static void ReadAhead(SafeFileHandle file, long offset, long length)
    {
        if (OperatingSystem.IsLinux())
        {
            using Borrowed descriptor = new(file);
            _ = posix_fadvise(descriptor.Number, offset, length, AdviseWillNeed);
            return;
        }

        // Elsewhere reading is the only way that is the same everywhere.
        Span<byte> piece = stackalloc byte[16 << 10];
        try
        {
            for (long done = 0; done < length; done += piece.Length)
            {
                if (RandomAccess.Read(file, piece[..(int)Math.Min(piece.Length, length - done)], offset + done) == 0)
                {
                    return;
                }
            }
        }
        catch (IOException)
        {
        }
    }

    /// <summary>Whether a range is in the cache, or on its way there; false where the system does not tell.</summary>
    public static bool IsCached(SafeFileHandle file, long offset, long length)
    {
        if (!OperatingSystem.IsLinux())
        {
            return false;
        }

        using Borrowed descriptor = new(file);
        if (s_knowsCachedPages)
        {
            FileRange range = new() { Offset = (ulong)offset, Length = (ulong)length };
            CacheState state;
            if (syscall(CacheStateCall, descriptor.Number, &range, &state, 0) == 0)
            {
                return (long)state.Pages >= (offset + length - 1) / Environment.SystemPageSize - offset / Environment.SystemPageSize + 1;
            }

            // Not known before Linux 6.5, or not allowed: a few of the pages speak for all.
            s_knowsCachedPages = false;
        }

        const int Probes = 4;
        for (int i = 0; i <= Probes; i++)
        {
            if (!CanReadAtOnce(descriptor, offset + (length - 1) * i / Probes))
            {
                return false;
            }
        }

        return true;
    }

    /// <summary>Whether a byte can be had without waiting for the disk; true where the system does not tell.</summary>
    public static bool CanReadAtOnce(SafeFileHandle file, long offset)
    {
        if (!OperatingSystem.IsLinux())
        {
            return true;
        }

        using Borrowed descriptor = new(file);
        return CanReadAtOnce(descriptor, offset);
    }

    /// <summary>Makes the pages of a mapped range this process's memory with one call, where the system has one for it; elsewhere they come when they are touched.</summary>
    /// <returns>False if the file does not hold or the disk does not give what should be there, or the system (Linux before 5.14) has no such call.</returns>
    public static bool TryPopulate(byte* start, long length)
    {
        nuint page = (nuint)Environment.SystemPageSize;
        nuint first = (nuint)start & ~(page - 1);
        return !OperatingSystem.IsLinux() || madvise((void*)first, (nuint)start + (nuint)length - first, AdvisePopulateRead) == 0;
    }

    /// <summary>Lets whole pages of memory go, with what is in them; where the system cannot, they stay.</summary>
    public static void Discard(byte* start, long length)
    {
        nuint page = (nuint)Environment.SystemPageSize;
        nuint first = ((nuint)start + page - 1) & ~(page - 1);
        nuint end = ((nuint)start + (nuint)length) & ~(page - 1);
        if (OperatingSystem.IsLinux() && end > first)
        {
            _ = madvise((void*)first, end - first, AdviseDontNeed);
        }
    }

    private static bool CanReadAtOnce(Borrowed descriptor, long offset)
    {
        byte value;
        IoVector vector = new() { Base = &value, Length = 1 };
        return preadv2(descriptor.Number, &vector, 1, offset, ReadWithoutWaiting) == 1;
    }

    [DllImport("libc", ExactSpelling = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern nint syscall(nint number, nint file, FileRange* range, CacheState* state, nint flags);

    [DllImport("libc", ExactSpelling = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int madvise(void* address, nuint length, int advice);

    [DllImport("libc", ExactSpelling = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int posix_fadvise(int file, long offset, long length, int advice);

    [DllImport("libc", ExactSpelling = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern nint preadv2(int file, IoVector* vectors, int count, long offset, int flags);

    // A descriptor that is not closed while it is in use.
    private readonly ref struct Borrowed
    {
        private readonly SafeFileHandle _file;
        private readonly bool _isHeld;

        public Borrowed(SafeFileHandle file)
        {
            _file = file;
            file.DangerousAddRef(ref _isHeld);
            Number = (int)file.DangerousGetHandle();
        }

        public int Number { get; }

        public void Dispose()
        {
            if (_isHeld)
            {
                _file.DangerousRelease();
            }
        }
    }

    private struct IoVector
    {
        public void* Base;
        public nuint Length;
    }

    private struct FileRange
    {
        public ulong Offset;
        public ulong Length;
    }

    private struct CacheState
    {
        public ulong Pages;
        public ulong Dirty;
        public ulong WrittenBack;
        public ulong Evicted;
        public ulong RecentlyEvicted;
    }
}
