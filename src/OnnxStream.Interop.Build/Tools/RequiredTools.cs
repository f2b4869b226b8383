using System.Runtime.InteropServices;

namespace OnnxStream.Interop.Build.Tools;

/// <summary>What the native library is built with.</summary>
internal static class RequiredTools
{
    /// <summary>Clang 16 or newer.</summary>
    public const string Clang = "clang";

    /// <summary>LLVM's linker. macOS and Windows have one of their own that will do.</summary>
    public const string Lld = "lld";

    /// <summary>Ninja.</summary>
    public const string Ninja = "ninja";

    /// <summary>CMake.</summary>
    public const string CMake = "cmake";

    /// <summary>Python 3, which lists the kernels of XNNPACK.</summary>
    public const string Python = "python3";

    /// <summary>The C library of 64-bit ARM Linux.</summary>
    public const string ArmSystemRoot = "arm64-sysroot";

    /// <summary>Whether the C library of 64-bit ARM Linux is there.</summary>
    public static bool HasArmSystemRoot => Directory.Exists("/usr/aarch64-linux-gnu/include");

    /// <summary>Lists what is missing.</summary>
    /// <param name="host">The machine.</param>
    /// <param name="clang">The Clang that was found there, or null.</param>
    /// <param name="runtimeIdentifier">The platform to build for, or null for the machine's own.</param>
    /// <param name="allowGcc">Whether GCC will do where there is no Clang.</param>
    public static IEnumerable<string> Missing(BuildHost host, Clang? clang, string? runtimeIdentifier, bool allowGcc)
    {
        if (clang is null && !allowGcc)
        {
            yield return Clang;
        }

        if (!host.IsMacOS && !host.IsWindows && !HasLinker(host, clang, allowGcc))
        {
            yield return Lld;
        }

        if (host.Find("ninja", "ninja-build") is null)
        {
            yield return Ninja;
        }

        if (host.Find("cmake") is null)
        {
            yield return CMake;
        }

        if (host.Find(host.IsWindows ? "python" : "python3") is null)
        {
            yield return Python;
        }

        if (runtimeIdentifier == "linux-arm64" && !host.IsWindows && host.Architecture != Architecture.Arm64 && !HasArmSystemRoot)
        {
            yield return ArmSystemRoot;
        }
    }

    private static bool HasLinker(BuildHost host, Clang? clang, bool allowGcc) =>
        clang is not null ? clang.HasLinker(host) : allowGcc && host.Find("ld.lld") is not null;
}
