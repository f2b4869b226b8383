using System.Runtime.InteropServices;

namespace OnnxStream.Interop.Tests.Kernels;

/// <summary>
/// The functions of Linux that <see cref="GuardedMemory{T}"/> needs: a generic class cannot import them.
/// </summary>
internal static class GuardedMemoryFunctions
{
    public const int ReadWrite = 3;
    public const int PrivateAnonymous = 0x22;

    [DllImport("libc", ExactSpelling = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    internal static extern nint mmap(nint address, nuint length, int protection, int flags, int file, nint offset);

    [DllImport("libc", ExactSpelling = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    internal static extern int mprotect(nint address, nuint length, int protection);

    [DllImport("libc", ExactSpelling = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    internal static extern int munmap(nint address, nuint length);
}
