using OnnxStream.Interop.Build.Tools;

namespace OnnxStream.Interop.Build.Tests.Tools;

internal sealed class DebianPackagesTests
{
    [TestCase(RequiredTools.Clang, "clang-17")]
    [TestCase(RequiredTools.Lld, "lld-17")]
    [TestCase(RequiredTools.Ninja, "ninja-build")]
    [TestCase(RequiredTools.CMake, "cmake")]
    [TestCase(RequiredTools.Python, "python3")]
    [TestCase(RequiredTools.ArmSystemRoot, "crossbuild-essential-arm64")]
    public void Each_tool_has_a_package(string tool, string package) =>
        Assert.That(DebianPackages.Of([tool], installedLlvm: null, offeredLlvm: 17, allowGcc: false), Is.EqualTo(new[] { package }));

    [Test]
    public void The_linker_comes_from_the_release_of_the_Clang_that_is_there() =>
        Assert.That(DebianPackages.Of([RequiredTools.Lld], installedLlvm: 19, offeredLlvm: 17, allowGcc: false), Is.EqualTo(new[] { "lld-19" }));

    [Test]
    public void GCC_finds_only_the_unversioned_linker() =>
        Assert.That(DebianPackages.Of([RequiredTools.Lld], installedLlvm: 19, offeredLlvm: 17, allowGcc: true), Is.EqualTo(new[] { "lld" }));

    [Test]
    [Platform("Linux", Reason = "The simulated machine is a Linux one.")]
    public void The_oldest_LLVM_that_will_do_is_taken()
    {
        using Machine machine = new();
        machine.Add("apt-cache", "[[ $2 == clang-1[4789] ]] && echo \"Package: $2\"");
        Assert.That(DebianPackages.OfferedLlvm(machine.Host(isRoot: false)), Is.EqualTo(17));
        File.Delete(machine["apt-cache"]);
        Assert.That(DebianPackages.OfferedLlvm(machine.Host(isRoot: false)), Is.EqualTo(16));
    }
}
