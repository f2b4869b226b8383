namespace OnnxStream.Interop.Build.Tools;

/// <summary>Makes sure that the tools for building the native library are installed.</summary>
internal static class ToolInstallation
{
    /// <summary>Installs what is missing, as root on Debian and Ubuntu. Elsewhere the build ends with a message that names what is missing.</summary>
    /// <param name="host">The machine.</param>
    /// <param name="runtimeIdentifier">The platform to build for, or null for the machine's own.</param>
    /// <param name="allowGcc">Whether GCC will do where there is no Clang.</param>
    /// <param name="output">Where to say what is installed.</param>
    /// <returns>The Clang to build with; null only where GCC will do.</returns>
    public static Clang? Ensure(BuildHost host, string? runtimeIdentifier, bool allowGcc, TextWriter output)
    {
        Clang? clang = Clang.Find(host);
        string[] missing = [.. RequiredTools.Missing(host, clang, runtimeIdentifier, allowGcc)];
        if (missing.Length == 0)
        {
            return clang;
        }

        string message = $"tools: missing: {string.Join(' ', missing)}";
        if (host.IsWindows)
        {
            throw new BuildFailedException(
                $"{message}. Install with: winget install {string.Join(' ', missing.Select(WindowsPackage))}\n" +
                "and run this in a 'Developer PowerShell for Visual Studio' (the Windows SDK is needed too).");
        }

        if (host.IsMacOS)
        {
            throw new BuildFailedException(
                $"{message}. Install Clang with 'xcode-select --install' and the rest with 'brew install ninja cmake python3'.");
        }

        if (!host.HasApt)
        {
            throw new BuildFailedException(
                $"{message}. Install them with this system's package manager (Clang and LLD 16 or newer, CMake 3.22 or newer).");
        }

        if (!host.IsPrivileged)
        {
            throw new BuildFailedException(
                $"{message}. Install with: sudo apt-get update && sudo apt-get install --no-install-recommends {string.Join(' ', Packages())}");
        }

        if (AptGet.Update(host) is string updateError)
        {
            throw new BuildFailedException($"{updateError}{message}, and apt-get update failed.");
        }

        string[] packages = Packages();
        output.WriteLine($"tools: installing {string.Join(' ', packages)} with apt-get");
        if (AptGet.Install(host, packages) is string installError)
        {
            throw new BuildFailedException($"{installError}tools: apt-get install {string.Join(' ', packages)} failed.");
        }

        clang = Clang.Find(host);
        missing = [.. RequiredTools.Missing(host, clang, runtimeIdentifier, allowGcc)];
        return missing.Length == 0 ? clang : throw new BuildFailedException($"tools: still missing after the installation: {string.Join(' ', missing)}.");

        string[] Packages() => [.. DebianPackages.Of(missing, clang?.Version, DebianPackages.OfferedLlvm(host), allowGcc)];
    }

    private static string WindowsPackage(string tool) => tool switch
    {
        RequiredTools.Clang => "LLVM.LLVM",
        RequiredTools.Ninja => "Ninja-build.Ninja",
        RequiredTools.CMake => "Kitware.CMake",
        RequiredTools.Python => "Python.Python.3.13",
        _ => tool,
    };
}
