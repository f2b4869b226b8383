using OnnxStream.Interop.Kernels;
using OnnxStream.Interop.Native;

namespace OnnxStream.Interop.Tests.Kernels;

public unsafe class ScratchLayoutTests
{
    [Test]
    public void PartsLieBehindEachOtherAndAreAligned()
    {
        ScratchLayout layout = new();
        ScratchPart[] parts = [layout.Add(1), layout.Add(100, 3), layout.Add(0), layout.Add(5)];
        long end = 0;
        foreach ((ScratchPart part, long bytes, int count) in new[] { (parts[0], 1L, 1), (parts[1], 100L, 3), (parts[2], 0L, 1), (parts[3], 5L, 1) })
        {
            Assert.That(part, Is.EqualTo(new ScratchPart(end, CountedMemory.Align(bytes))));
            end += CountedMemory.Align(bytes) * count;
        }

        Assert.That(layout.Bytes, Is.EqualTo(end));
        Assert.That((long)parts[1].In(null, 2), Is.EqualTo(parts[1].Offset + 2 * parts[1].Length));
    }

    [Test]
    public void LayoutsWithTheSameStartShareMemory()
    {
        ScratchLayout first = new();
        first.Add(64);
        ScratchLayout other = new(first.Bytes);
        Assert.That(other.Add(10).Offset, Is.EqualTo(first.Add(1000).Offset));
    }
}
