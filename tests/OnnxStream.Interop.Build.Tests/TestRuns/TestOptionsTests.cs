using OnnxStream.Interop.Build.TestRuns;

namespace OnnxStream.Interop.Build.Tests.TestRuns;

internal sealed class TestOptionsTests
{
    [Test]
    public void What_is_not_ours_is_left_alone()
    {
        TestOptions options = TestOptions.Parse(["--filter", "Name~A", "--culture", "x"]);
        Assert.That(options.Culture, Is.Null);
        Assert.That(options.Rest, Is.EqualTo(new[] { "--filter", "Name~A", "--culture", "x" }));
    }

    [Test]
    public void A_culture_comes_first()
    {
        TestOptions options = TestOptions.Parse(["--culture", "sv-SE", "--filter", "Name~A"]);
        Assert.That(options.Culture, Is.EqualTo("sv-SE"));
        Assert.That(options.Rest, Is.EqualTo(new[] { "--filter", "Name~A" }));
    }

    [Test]
    public void A_name_must_follow() => Assert.That(
        () => TestOptions.Parse(["--culture"]), Throws.TypeOf<BuildFailedException>().With.Message.EqualTo("test: --culture needs the name of a culture, such as sv-SE"));
}
