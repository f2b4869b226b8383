namespace OnnxStream.Interop.Diffusion.Tests;

public class Crc32Tests
{
    [Test]
    public void Compute_GivesTheCheckValue() => Assert.That(Crc32.Compute("123456789"u8), Is.EqualTo(0xCBF43926));

    [Test]
    public void Compute_OfNothingIsZero() => Assert.That(Crc32.Compute([]), Is.Zero);
}
