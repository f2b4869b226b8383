using OnnxStream.Interop.Native;

namespace OnnxStream.Interop;

/// <summary>How much native memory this library and XNNPACK hold in this process, for all sessions. Parts of mapped files count while they are in use.</summary>
public static class MemoryDiagnostics
{
    /// <summary>Bytes of native memory that are allocated now.</summary>
    public static long LiveBytes => CountedMemory.LiveBytes;

    /// <summary>The most bytes that were allocated at once, since the start or <see cref="ResetPeak"/>.</summary>
    public static long PeakBytes => CountedMemory.PeakBytes;

    /// <summary>Lets <see cref="PeakBytes"/> start again from <see cref="LiveBytes"/>.</summary>
    public static void ResetPeak() => CountedMemory.ResetPeak();
}
