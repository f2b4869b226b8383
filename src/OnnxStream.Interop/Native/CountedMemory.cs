using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using OnnxStream.Interop.Bindings;

namespace OnnxStream.Interop.Native;

/// <summary>The one door to native memory, for this library and for XNNPACK: what goes through it is counted.</summary>
/// <remarks>
/// Blocks are 64-byte aligned (a cache line, and what XNNPACK's packed weights ask for) and carry their size and the account that
/// they are charged to (<see cref="MemoryAccount"/>) in front, so that freeing needs neither and counting is exact. <see cref="FailureCountdown"/> lets tests fail any one allocation.
/// </remarks>
internal static unsafe class CountedMemory
{
    /// <summary>The alignment of every block in bytes.</summary>
    public const int Alignment = 64;

    private static long s_liveBytes;
    private static long s_peakBytes;
    private static long s_failureCountdown = -1;

    /// <summary>The least multiple of <see cref="Alignment"/> that is not below <paramref name="bytes"/>.</summary>
    /// <exception cref="OverflowException">It does not fit into 63 bits.</exception>
    public static long Align(long bytes) => checked(bytes + Alignment - 1) & ~(Alignment - 1L);

    /// <summary>Bytes that are allocated now.</summary>
    public static long LiveBytes => Interlocked.Read(ref s_liveBytes);

    /// <summary>The largest value of <see cref="LiveBytes"/> since the start or the last <see cref="ResetPeak"/>.</summary>
    public static long PeakBytes => Interlocked.Read(ref s_peakBytes);

    /// <summary>Fails the allocation after that many successful ones; negative for never. For tests.</summary>
    public static long FailureCountdown
    {
        get => Interlocked.Read(ref s_failureCountdown);
        set => Interlocked.Exchange(ref s_failureCountdown, value);
    }

    /// <summary>Starts a new measurement of <see cref="PeakBytes"/> from what is live now.</summary>
    public static void ResetPeak() => Interlocked.Exchange(ref s_peakBytes, LiveBytes);

    /// <summary>Allocates <paramref name="bytes"/>, or returns null.</summary>
    public static void* TryAllocate(nuint bytes)
    {
        if (Interlocked.Read(ref s_failureCountdown) >= 0 && Interlocked.Decrement(ref s_failureCountdown) < 0)
        {
            return null;
        }

        if (bytes > (nuint)nint.MaxValue - Alignment || !MemoryAccount.TryCharge((long)bytes, out MemoryAccount.State* account))
        {
            return null;
        }

        byte* block;
        try
        {
            block = (byte*)System.Runtime.InteropServices.NativeMemory.AlignedAlloc(bytes + Alignment, Alignment);
        }
        catch (OutOfMemoryException)
        {
            MemoryAccount.Discharge(account, (long)bytes);
            return null;
        }

        *(Header*)block = new Header { Bytes = bytes, Account = account };
        Count((long)bytes);
        return block + Alignment;
    }

    /// <summary>Counts what became resident of mapped files, or went: what comes through no allocator is memory all the same.</summary>
    /// <param name="bytes">How many bytes; negative for those that went.</param>
    /// <param name="account">The account that they are charged to; null for none.</param>
    public static void CountMapped(long bytes, MemoryAccount? account)
    {
        account?.Count(bytes);
        Count(bytes);
    }

    /// <summary>Frees a block; null is allowed.</summary>
    public static void Free(void* pointer)
    {
        if (pointer is null)
        {
            return;
        }

        byte* block = (byte*)pointer - Alignment;
        Header header = *(Header*)block;
        MemoryAccount.Discharge(header.Account, (long)header.Bytes);
        Interlocked.Add(ref s_liveBytes, -(long)header.Bytes);
        System.Runtime.InteropServices.NativeMemory.AlignedFree(block);
    }

    /// <summary>The allocator that XNNPACK is initialised with: its memory is counted with ours.</summary>
    public static xnn_allocator XnnpackAllocator => new()
    {
        allocate = &Allocate,
        reallocate = &Reallocate,
        deallocate = &Deallocate,
        aligned_allocate = &AlignedAllocate,
        aligned_deallocate = &Deallocate,
    };

    private static void Count(long bytes)
    {
        long live = Interlocked.Add(ref s_liveBytes, bytes);
        for (long peak = PeakBytes; live > peak; peak = PeakBytes)
        {
            if (Interlocked.CompareExchange(ref s_peakBytes, live, peak) == peak)
            {
                break;
            }
        }
    }

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static void* Allocate(void* context, nuint size) => TryAllocate(size);

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static void* AlignedAllocate(void* context, nuint alignment, nuint size) =>
        alignment <= Alignment ? TryAllocate(size) : null;

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static void* Reallocate(void* context, void* pointer, nuint size)
    {
        void* block = TryAllocate(size);
        if (block is not null && pointer is not null)
        {
            nuint old = ((Header*)((byte*)pointer - Alignment))->Bytes;
            Buffer.MemoryCopy(pointer, block, size, Math.Min(old, size));
            Free(pointer);
        }

        return block;
    }

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static void Deallocate(void* context, void* pointer) => Free(pointer);

    // What stands in front of a block.
    private struct Header
    {
        public nuint Bytes;
        public MemoryAccount.State* Account;
    }
}
