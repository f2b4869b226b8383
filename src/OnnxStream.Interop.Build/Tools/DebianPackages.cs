namespace OnnxStream.Interop.Build.Tools;

/// <summary>The packages of Debian and Ubuntu that bring what is missing.</summary>
internal static class DebianPackages
{
    /// <summary>Names the packages of tools.</summary>
    /// <param name="tools">Tools of <see cref="RequiredTools"/>.</param>
    /// <param name="installedLlvm">The version of the Clang that is there already, or null: its linker must come from the same release.</param>
    /// <param name="offeredLlvm">The version of LLVM that this release of Debian has.</param>
    /// <param name="allowGcc">Whether GCC will do where there is no Clang.</param>
    public static IEnumerable<string> Of(IEnumerable<string> tools, int? installedLlvm, int offeredLlvm, bool allowGcc) => tools.Select(tool => tool switch
    {
        RequiredTools.Clang => $"clang-{offeredLlvm}",
        // GCC looks for the linker under its plain name, which only the unversioned package has.
        RequiredTools.Lld when allowGcc => "lld",
        RequiredTools.Lld => $"lld-{installedLlvm ?? offeredLlvm}",
        RequiredTools.Ninja => "ninja-build",
        RequiredTools.ArmSystemRoot => "crossbuild-essential-arm64",
        _ => tool,
    });

    /// <summary>The version of LLVM to install. Any that is new enough will do: the oldest one that this release of Debian has.</summary>
    public static int OfferedLlvm(BuildHost host)
    {
        string? cache = host.Find("apt-cache");
        foreach (int version in Clang.NamedVersions.Reverse())
        {
            if (cache is not null && !string.IsNullOrEmpty(ExternalProgram.Read(cache, "show", $"clang-{version}")))
            {
                return version;
            }
        }

        return Clang.NamedVersions[^1];
    }
}
