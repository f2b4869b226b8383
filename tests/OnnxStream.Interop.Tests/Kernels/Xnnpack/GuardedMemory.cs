using System.Runtime.InteropServices;
using OnnxStream.Interop.Bindings;

namespace OnnxStream.Interop.Tests.Kernels;

/// <summary>
/// Native memory behind which, on Linux, lies a page that cannot be read or written: a kernel that reads past what it
/// is promised ends the
/// process there.
/// </summary>
internal sealed unsafe class GuardedMemory<T> : IDisposable
    where T : unmanaged
{
    private readonly nint _block;
    private readonly nuint _size;

    /// <summary>Allocates memory for some elements, and for bytes behind them that may be read.</summary>
    public GuardedMemory(int length, int readPastEnd = 0)
    {
        int bytes = length * sizeof(T) + readPastEnd;
        nuint page = (nuint)Environment.SystemPageSize;
        nuint pages = ((nuint)bytes + page - 1) / page * page;
        _size = pages + page;
        if (OperatingSystem.IsLinux())
        {
            _block = GuardedMemoryFunctions.mmap(0, _size, GuardedMemoryFunctions.ReadWrite,
                GuardedMemoryFunctions.PrivateAnonymous, -1, 0);
            Assert.That(_block, Is.Not.EqualTo((nint)(-1)));
            Assert.That(GuardedMemoryFunctions.mprotect(_block + (nint)pages, page, 0), Is.Zero);
        }
        else
        {
            _block = (nint)NativeMemory.AllocZeroed(_size);
        }

        Length = length;
        Pointer = (T*)(_block + (nint)pages - bytes);
        // What lies behind the elements is NaN in every type of float: it shows where it is used.
        new Span<byte>((void*)_block, (int)pages).Fill(0xFF);
    }

    /// <summary>Allocates memory that holds these elements.</summary>
    public GuardedMemory(ReadOnlySpan<T> elements, int readPastEnd = Xnnpack.XNN_EXTRA_BYTES)
        : this(elements.Length, readPastEnd) => elements.CopyTo(Span);

    ~GuardedMemory() => Free();

    public int Length { get; }

    public T* Pointer { get; }

    public Span<T> Span => new(Pointer, Length);

    public void Dispose()
    {
        Free();
        GC.SuppressFinalize(this);
    }

    private void Free()
    {
        if (OperatingSystem.IsLinux())
        {
            _ = GuardedMemoryFunctions.munmap(_block, _size);
        }
        else
        {
            NativeMemory.Free((void*)_block);
        }
    }
}
