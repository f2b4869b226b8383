using OnnxStream.Interop.Bindings;

namespace OnnxStream.Interop.Native;

/// <summary>The one door to native memory, for this library and for XNNPACK: what goes through it is counted.</summary>
/// <remarks>
/// Blocks are 64-byte aligned (a cache line, and what XNNPACK's packed weights ask for) and carry their size and the account that
/// they are charged to (<see cref="MemoryAccount"/>) in front, so that freeing needs neither and counting is exact. The native library does it
/// (<c>native/memory.c</c>): XNNPACK keeps for the whole process what it was first given, and a host may load and unload this assembly several times.
/// <see cref="FailureCountdown"/> lets tests fail any one allocation.
/// </remarks>
internal static unsafe class CountedMemory
{
    /// <summary>The alignment of every block in bytes.</summary>
    public const int Alignment = 64;

    /// <summary>The least multiple of <see cref="Alignment"/> that is not below <paramref name="bytes"/>.</summary>
    /// <exception cref="OverflowException">It does not fit into 63 bits.</exception>
    public static long Align(long bytes) => checked(bytes + Alignment - 1) & ~(Alignment - 1L);

    /// <summary>Bytes that are allocated now.</summary>
    public static long LiveBytes => Interlocked.Read(ref Now->LiveBytes);

    /// <summary>The largest value of <see cref="LiveBytes"/> since the start or the last <see cref="ResetPeak"/>.</summary>
    public static long PeakBytes => Interlocked.Read(ref Now->PeakBytes);

    /// <summary>Fails the allocation after that many successful ones; negative for never. For tests.</summary>
    public static long FailureCountdown
    {
        get => Interlocked.Read(ref Now->FailureCountdown);
        set => Interlocked.Exchange(ref Now->FailureCountdown, value);
    }

    /// <summary>Starts a new measurement of <see cref="PeakBytes"/> from what is live now.</summary>
    public static void ResetPeak() => Interlocked.Exchange(ref Now->PeakBytes, LiveBytes);

    /// <summary>Allocates <paramref name="bytes"/>, or returns null.</summary>
    public static void* TryAllocate(nuint bytes) => Abi.onnxstream_allocate(bytes);

    /// <summary>Counts what became resident of mapped files, or went: what comes through no allocator is memory all the same.</summary>
    /// <param name="bytes">How many bytes; negative for those that went.</param>
    /// <param name="account">The account that they are charged to; null for none.</param>
    public static void CountMapped(long bytes, MemoryAccount? account)
    {
        account?.Count(bytes);
        Abi.onnxstream_memory_count(bytes);
    }

    /// <summary>Frees a block; null is allowed.</summary>
    public static void Free(void* pointer) => Abi.onnxstream_free(pointer);

    private static Totals* Now => (Totals*)Abi.onnxstream_memory_totals();

    // As native/memory.c has them, which writes them.
#pragma warning disable CS0649
    private struct Totals
    {
        public long LiveBytes;
        public long PeakBytes;
        public long FailureCountdown;
    }
#pragma warning restore CS0649
}
