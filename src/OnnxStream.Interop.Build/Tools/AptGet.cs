namespace OnnxStream.Interop.Build.Tools;

/// <summary>Installs packages of Debian and Ubuntu. Only root may.</summary>
internal static class AptGet
{
    /// <summary>Gets the lists of packages.</summary>
    /// <returns>What apt-get said where it failed, or null.</returns>
    public static string? Update(BuildHost host) => ErrorOf(host, "update", "-q");

    /// <summary>Installs packages.</summary>
    /// <returns>What apt-get said where it failed, or null.</returns>
    public static string? Install(BuildHost host, params IEnumerable<string> packages) =>
        ErrorOf(host, ["install", "-q", "-y", "--no-install-recommends", .. packages]);

    private static string? ErrorOf(BuildHost host, params IEnumerable<string> arguments)
    {
        Environment.SetEnvironmentVariable("DEBIAN_FRONTEND", "noninteractive");
        using StringWriter output = new();
        return ExternalProgram.TryRun(output, host.Find("apt-get")!, arguments) == 0 ? null : output.ToString();
    }
}
