namespace OnnxStream.Interop.Kernels;

/// <summary>A part of a kernel's scratch memory. Made by <see cref="ScratchLayout"/>.</summary>
/// <param name="Offset">Its first byte, from where the layout begins.</param>
/// <param name="Length">Its bytes, alignment included; those of one worker, where each has one.</param>
internal readonly record struct ScratchPart(long Offset, long Length)
{
    /// <summary>The address of the part.</summary>
    /// <param name="start">Where the layout begins.</param>
    /// <param name="worker">The worker, where each has one.</param>
    public unsafe byte* In(byte* start, int worker = 0) => start + Offset + worker * Length;
}
