using System.Runtime.InteropServices;

namespace OnnxStream.Interop.Build.Tests;

internal sealed class BuildHostTests
{
    [TestCase("LINUX", Architecture.X64, ExpectedResult = "linux-x64")]
    [TestCase("LINUX", Architecture.Arm64, ExpectedResult = "linux-arm64")]
    [TestCase("OSX", Architecture.Arm64, ExpectedResult = "osx-arm64")]
    [TestCase("WINDOWS", Architecture.X64, ExpectedResult = "win-x64")]
    [TestCase("OSX", Architecture.X64, ExpectedResult = null)]
    [TestCase("LINUX", Architecture.Arm, ExpectedResult = null)]
    public string? Platforms(string system, Architecture architecture) =>
        new BuildHost(OSPlatform.Create(system), architecture, false, "").RuntimeIdentifier;

    [Test]
    [Platform(Exclude = "Win", Reason = "Windows has no permission to execute.")]
    public void Programs_are_files_that_may_be_executed_and_the_first_folder_wins()
    {
        using TemporaryFolder first = new();
        using TemporaryFolder second = new();
        using Machine machine = new("ninja", "cmake");
        File.WriteAllText(first["ninja"], "only text");
        _ = Directory.CreateDirectory(first["cmake"]);
        string path = string.Join(Path.PathSeparator, first.Path, Path.GetDirectoryName(machine["ninja"]), second.Path);
        BuildHost host = machine.Host(isRoot: false) with { SearchPath = path };
        using (Assert.EnterMultipleScope())
        {
            Assert.That(host.Find("ninja"), Is.EqualTo(machine["ninja"]));
            Assert.That(host.Find("cmake"), Is.EqualTo(machine["cmake"]));
            Assert.That(host.Find("ninja-build", "ninja"), Is.EqualTo(machine["ninja"]));
            Assert.That(host.Find(machine["cmake"]), Is.EqualTo(machine["cmake"]));
            Assert.That(host.Find("python3"), Is.Null);
        }
    }
}
