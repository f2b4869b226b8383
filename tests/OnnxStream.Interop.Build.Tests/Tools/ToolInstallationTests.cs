using System.Runtime.InteropServices;

namespace OnnxStream.Interop.Build.Tests.Tools;

/// <summary>Machines that lack something.</summary>
[Platform("Linux", Reason = "The simulated machines are Linux ones.")]
internal sealed class ToolInstallationTests
{
    [Test]
    public void Root_gets_what_is_missing_and_only_that()
    {
        using Machine machine = new("cmake", "python3");
        (Build.Tools.Clang? clang, string output) = machine.Install(isRoot: true);
        using (Assert.EnterMultipleScope())
        {
            Assert.That(output, Is.EqualTo("tools: installing clang-16 lld-16 ninja-build with apt-get\n"));
            Assert.That(clang, Is.EqualTo(new Build.Tools.Clang(machine["clang-16"], 16)));
            Assert.That(machine.AptCalls, Is.EqualTo(new[]
            {
                "update -q",
                "install -q -y --no-install-recommends clang-16 lld-16 ninja-build",
            }));
        }
    }

    [Test]
    public void A_missing_linker_is_taken_from_the_release_of_the_compiler()
    {
        using Machine machine = new("clang-19", "ninja", "cmake", "python3");
        _ = machine.Install(isRoot: true);
        Assert.That(machine.AptCalls[^1], Does.EndWith("--no-install-recommends lld-19"));
    }

    [Test]
    public void Others_are_told_the_command()
    {
        using Machine machine = new();
        AssertFails(
            () => machine.Install(isRoot: false),
            "tools: missing: clang lld ninja cmake python3. Install with: " +
            "sudo apt-get update && sudo apt-get install --no-install-recommends clang-16 lld-16 ninja-build cmake python3");
        Assert.That(machine.AptCalls, Is.Empty);
    }

    [Test]
    public void Without_apt_get_the_tools_are_named()
    {
        using Machine machine = new("clang-16", "ld.lld", "ninja");
        File.Delete(machine["apt-get"]);
        AssertFails(
            () => machine.Install(isRoot: true),
            "tools: missing: cmake python3. " +
            "Install them with this system's package manager (Clang and LLD 16 or newer, CMake 3.22 or newer).");
    }

    [Test]
    public void Windows_names_the_packages_of_winget()
    {
        using Machine machine = new();
        BuildHost windows = machine.Host(isRoot: false) with { System = OSPlatform.Windows };
        AssertFails(
            () => Build.Tools.ToolInstallation.Ensure(windows, null, allowGcc: false, TextWriter.Null),
            "tools: missing: clang ninja cmake python3. " +
            "Install with: winget install LLVM.LLVM Ninja-build.Ninja Kitware.CMake Python.Python.3.13\n" +
            "and run this in a 'Developer PowerShell for Visual Studio' (the Windows SDK is needed too).");
    }

    [Test]
    public void MacOS_needs_no_linker_of_LLVM()
    {
        using Machine machine = new();
        BuildHost apple = machine.Host(isRoot: false) with { System = OSPlatform.OSX, Architecture = Architecture.Arm64 };
        AssertFails(
            () => Build.Tools.ToolInstallation.Ensure(apple, null, allowGcc: false, TextWriter.Null),
            "tools: missing: clang ninja cmake python3. " +
            "Install Clang with 'xcode-select --install' and the rest with 'brew install ninja cmake python3'.");
    }

    [Test]
    public void A_Clang_that_is_too_old_is_none()
    {
        using Machine machine = new("ld.lld", "ninja", "cmake", "python3");
        machine.AddClang("clang", 14);
        Assert.That(() => machine.Install(isRoot: false), Throws.TypeOf<BuildFailedException>().With.Message.StartsWith("tools: missing: clang lld."));
    }

    [Test]
    public void Apple_counts_on_its_own()
    {
        using Machine machine = new("ninja", "cmake", "python3");
        machine.AddClang("clang", 15);
        Assert.That(Build.Tools.Clang.Find(machine.Host(isRoot: false)), Is.Null);
        machine.Add("clang", "echo 'Apple clang version 15.0.0 (clang-1500.3.9.4)'");
        Assert.That(Build.Tools.Clang.Find(machine.Host(isRoot: false)), Is.EqualTo(new Build.Tools.Clang(machine["clang"], 15)));
    }

    [Test]
    public void GCC_needs_no_Clang_when_it_is_allowed()
    {
        using Machine machine = new("ld.lld", "ninja", "cmake", "python3");
        Assert.That(machine.Install(isRoot: false, allowGcc: true), Is.EqualTo(((Build.Tools.Clang?)null, "")));
    }

    [Test]
    public void A_failed_update_shows_what_apt_said()
    {
        using Machine machine = new();
        machine.Add("apt-get", "echo 'E: no network'; exit 100");
        AssertFails(
            () => machine.Install(isRoot: true),
            "E: no network\ntools: missing: clang lld ninja cmake python3, and apt-get update failed.");
    }

    [Test]
    public void A_failed_installation_shows_what_apt_said()
    {
        using Machine machine = new("clang-16", "ld.lld", "cmake", "python3");
        machine.Add("apt-get", "[[ $1 == update ]] || { echo 'E: held back' >&2; exit 100; }");
        AssertFails(() => machine.Install(isRoot: true), "E: held back\ntools: apt-get install ninja-build failed.");
    }

    [Test]
    public void What_apt_did_not_bring_is_named()
    {
        using Machine machine = new("clang-16", "ld.lld", "ninja", "python3");
        AssertFails(() => machine.Install(isRoot: true), "tools: still missing after the installation: cmake.");
    }

    private static void AssertFails(Func<object?> action, string message)
    {
        BuildFailedException exception = Assert.Throws<BuildFailedException>(() => action());
        Assert.That((exception.Message, exception.ExitCode), Is.EqualTo((message, 1)));
    }
}
