namespace OnnxStream.Interop.Cli.Tests;

internal sealed class PeakMemoryTests
{
    [Test]
    public void Grows_with_what_is_touched()
    {
        long before = PeakMemory.Bytes;
        long ballast = before + (32 << 20);
        byte[] array = new byte[ballast];
        for (int i = 0; i < array.Length; i += 4096)
        {
            array[i] = 1;
        }

        GC.KeepAlive(array);
        using (Assert.EnterMultipleScope())
        {
            Assert.That(before, Is.InRange(5L << 20, 4L << 30));
            Assert.That(PeakMemory.Bytes, Is.GreaterThan(ballast));
        }
    }
}
