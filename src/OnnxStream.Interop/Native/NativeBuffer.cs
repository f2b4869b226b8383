using System.Runtime.InteropServices;

namespace OnnxStream.Interop.Native;

/// <summary>A block of native memory, 64-byte aligned, not initialised.</summary>
internal sealed unsafe class NativeBuffer : SafeHandle
{
    /// <summary>Allocates <paramref name="bytes"/>.</summary>
    /// <exception cref="NativeMemoryException">The operating system refuses.</exception>
    public NativeBuffer(long bytes)
        : base(0, ownsHandle: true)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(bytes);
        void* pointer = CountedMemory.TryAllocate((nuint)bytes);
        if (pointer is null)
        {
            throw new NativeMemoryException(bytes);
        }

        SetHandle((nint)pointer);
        Length = bytes;
    }

    /// <summary>The number of bytes.</summary>
    public long Length { get; }

    /// <summary>The first byte. Valid until the buffer is disposed.</summary>
    public byte* Pointer => IsClosed ? throw new ObjectDisposedException(nameof(NativeBuffer)) : (byte*)handle;

    /// <inheritdoc/>
    public override bool IsInvalid => handle == 0;

    /// <inheritdoc/>
    protected override bool ReleaseHandle()
    {
        CountedMemory.Free((void*)handle);
        return true;
    }
}
