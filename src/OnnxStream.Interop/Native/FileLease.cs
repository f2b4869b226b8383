using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace OnnxStream.Interop.Native;

/// <summary>The operating system's word that nobody changes a file unnoticed: whoever wants to write to it or to make it shorter waits until the lease is given back.</summary>
/// <remarks>
/// <para>
/// A mapped file that becomes shorter ends the process that reads what is gone. Under a lease nothing can become shorter: the holder sees
/// that somebody waits (<see cref="IsHeld"/>), stops and gives the lease back. Deleting a file is no change, and replacing it is none.
/// </para>
/// <para>
/// Linux, for files of the process's own user that nobody has open for writing, on file systems that know leases (fcntl(2), F_SETLEASE). It
/// makes a writer wait for /proc/sys/fs/lease-break-time, 45 seconds, at most.
/// </para>
/// </remarks>
internal sealed partial class FileLease : IDisposable
{
    private const int SetSignal = 10;
    private const int SetLease = 1024;
    private const int GetLease = 1025;
    private const int Read = 0;
    private const int None = 2;

    // What Linux sends to the holder when somebody waits. Its own choice, SIGIO, would end the process; this one does nothing.
    private const int UrgentSignal = 23;

    private readonly SafeFileHandle _file;

    private FileLease(SafeFileHandle file) => _file = file;

    /// <summary>Whether the lease is there and nobody waits for its end.</summary>
    public bool IsHeld => Control(_file, GetLease, 0) == Read;

    /// <summary>Takes a lease on a file that is open for reading; null where there is none to be had.</summary>
    public static FileLease? TryTake(SafeFileHandle file) =>
        OperatingSystem.IsLinux() && Control(file, SetSignal, UrgentSignal) == 0 && Control(file, SetLease, Read) == 0 ? new FileLease(file) : null;

    /// <summary>Gives the lease back.</summary>
    public void Dispose() => _ = Control(_file, SetLease, None);

    private static int Control(SafeFileHandle file, int command, int argument)
    {
        bool isHeld = false;
        try
        {
            file.DangerousAddRef(ref isHeld);
            return fcntl((int)file.DangerousGetHandle(), command, argument);
        }
        finally
        {
            if (isHeld)
            {
                file.DangerousRelease();
            }
        }
    }

    // The C function takes what follows the command as it comes; on Linux's processors integers come in the same registers either way.
    [DllImport("libc", ExactSpelling = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int fcntl(int file, int command, nint argument);
}
