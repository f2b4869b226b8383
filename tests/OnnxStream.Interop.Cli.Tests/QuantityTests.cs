namespace OnnxStream.Interop.Cli.Tests;

internal sealed class QuantityTests
{
    [TestCase(0, "0 bytes")]
    [TestCase(1023, "1023 bytes")]
    [TestCase(1024, "1.0 KiB")]
    [TestCase(99_614_720, "95.0 MiB")]
    [TestCase(5_469_372_416, "5.1 GiB")]
    public void Bytes(long bytes, string expected) => Assert.That(Quantity.Bytes(bytes), Is.EqualTo(expected));

    [TestCase(12, "12 FLOP")]
    [TestCase(803_200_000_000, "803.2 GFLOP")]
    public void Flops(long flops, string expected) => Assert.That(Quantity.Flops(flops), Is.EqualTo(expected));

    [TestCase("500000000", 500_000_000)]
    [TestCase("128MB", 134_217_728)]
    [TestCase("96MiB", 100_663_296)]
    [TestCase("1.5GB", 1_610_612_736)]
    [TestCase("1.5 gb", 1_610_612_736)]
    [TestCase("64k", 65_536)]
    [TestCase("2TiB", 2_199_023_255_552)]
    [TestCase("12B", 12)]
    public void Sizes_are_read(string text, long expected)
    {
        Assert.That(Quantity.TryParseBytes(text, out long bytes), Is.True);
        Assert.That(bytes, Is.EqualTo(expected));
    }

    [TestCaseSource(typeof(TestCulture), nameof(TestCulture.Names))]
    public void The_culture_does_not_matter(string culture)
    {
        Assert.That(TestCulture.Under(culture, () => (Quantity.TryParseBytes("1.5GB", out long bytes), bytes)), Is.EqualTo((true, 1_610_612_736)));
        Assert.That(TestCulture.Under(culture, () => Quantity.Bytes(99_614_720)), Is.EqualTo("95.0 MiB"));
        Assert.That(TestCulture.Under(culture, () => Quantity.Flops(803_200_000_000)), Is.EqualTo("803.2 GFLOP"));
    }

    [TestCase("")]
    [TestCase("MB")]
    [TestCase("0")]
    [TestCase("-5MB")]
    [TestCase("1,5GB")]
    [TestCase("128 megabytes")]
    [TestCase("1e9")]
    [TestCase("99999999999TB")]
    [TestCase("12MB34")]
    public void What_is_no_size_is_refused(string text) => Assert.That(Quantity.TryParseBytes(text, out _), Is.False);
}
