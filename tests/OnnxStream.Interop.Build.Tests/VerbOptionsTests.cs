namespace OnnxStream.Interop.Build.Tests;

internal sealed class VerbOptionsTests
{
    [Test]
    public void Nothing_is_this_machine() => Assert.That(Native(), Is.EqualTo(new VerbOptions(null, AllowGcc: false)));

    [Test]
    public void Both_options_in_any_order()
    {
        VerbOptions expected = new("linux-arm64", AllowGcc: true);
        Assert.That(Native("--rid", "linux-arm64", "--allow-gcc"), Is.EqualTo(expected));
        Assert.That(Native("--allow-gcc", "--rid", "linux-arm64"), Is.EqualTo(expected));
    }

    [Test]
    public void The_last_platform_counts() => Assert.That(Native("--rid", "linux-arm64", "--rid", "linux-x64").RuntimeIdentifier, Is.EqualTo("linux-x64"));

    [Test]
    public void A_platform_must_follow() =>
        AssertFails(() => Native("--rid"), "native: --rid needs a runtime identifier, such as linux-x64");

    [Test]
    public void An_unknown_option_is_named() =>
        AssertFails(() => Native("--frobnicate"), $"native: unknown option '--frobnicate'. Try: {CommandLine.Script} help");

    [Test]
    public void Only_native_knows_GCC() =>
        AssertFails(
            () => VerbOptions.Parse("publish", "linux-arm64", mayAllowGcc: false, ["--allow-gcc"]),
            $"publish: unknown option '--allow-gcc'. Try: {CommandLine.Script} help");

    [Test]
    public void Only_publish_makes_images()
    {
        Assert.That(VerbOptions.Parse("publish", "linux-arm64", mayAllowGcc: false, ["--image"], mayMakeImage: true).MakesImage, Is.True);
        AssertFails(() => Native("--image"), $"native: unknown option '--image'. Try: {CommandLine.Script} help");
    }

    private static VerbOptions Native(params string[] arguments) => VerbOptions.Parse("native", "linux-x64", mayAllowGcc: true, arguments);

    private static void AssertFails(Func<object?> action, string message)
    {
        BuildFailedException exception = Assert.Throws<BuildFailedException>(() => action());
        Assert.That((exception.Message, exception.ExitCode), Is.EqualTo((message, 1)));
    }
}
