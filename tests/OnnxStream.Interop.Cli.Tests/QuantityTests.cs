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
}
