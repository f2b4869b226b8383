namespace OnnxStream.Interop.Packages.Tests;

/// <summary>Runs programs for 64-bit ARM on another processor, by qemu and Debian's libraries for that processor.</summary>
internal static class Emulator
{
    private const string SystemRoot = "/usr/aarch64-linux-gnu";

    /// <summary>The processor of a Raspberry Pi 3 and Zero 2: none of the newer instructions.</summary>
    public const string CortexA53 = "cortex-a53";

    /// <summary>Everything that qemu knows, half precision and products of 8 bits included.</summary>
    public const string Newest = "max";

    /// <summary>Skips the test, with the reason, where this machine cannot run such programs.</summary>
    public static void Require()
    {
        if (!OperatingSystem.IsLinux() || Tool.Find("qemu-aarch64-static") is null)
        {
            Assert.Ignore("qemu-aarch64-static is not here (Debian: apt-get install qemu-user-static; build.sh does as root).");
        }

        if (!Directory.Exists(SystemRoot))
        {
            Assert.Ignore($"{SystemRoot} is not here (Debian: apt-get install crossbuild-essential-arm64; build.sh does as root).");
        }
    }

    /// <summary>Runs a program that must succeed.</summary>
    public static string MustRun(string processor, string folder, string program, params string[] arguments) => MustRunWith([], processor, folder, program, arguments);

    /// <summary>The same with more in its environment.</summary>
    /// <param name="environment">Each a name and a value: NAME=VALUE.</param>
    /// <param name="processor">The processor.</param>
    /// <param name="folder">Where it runs.</param>
    /// <param name="program">The program.</param>
    /// <param name="arguments">Its arguments.</param>
    public static string MustRunWith(string[] environment, string processor, string folder, string program, params string[] arguments) =>
        Tool.MustRun(folder, "qemu-aarch64-static", ["-L", SystemRoot, "-cpu", processor, .. environment.SelectMany(variable => new[] { "-E", variable }), program, .. arguments]);
}
