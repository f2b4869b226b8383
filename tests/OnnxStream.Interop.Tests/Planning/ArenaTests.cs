using OnnxStream.Interop.Native;
using OnnxStream.Interop.Planning;
using OnnxStream.Interop.Steps;

namespace OnnxStream.Interop.Tests.Planning;

public class ArenaTests
{
    [Test]
    public void BuffersThatLiveTogetherDoNotOverlap([Range(0, 49)] int seed)
    {
        Random random = new(seed);
        List<PlanBuffer> buffers = [];
        for (int i = random.Next(1, 60); i > 0; i--)
        {
            int first = random.Next(-1, 40);
            buffers.Add(new PlanBuffer(random.Next(0, 5000)) { FirstStep = first, LastStep = first + random.Next(0, 10) });
        }

        long size = Arena.Place(buffers);
        for (int step = -1; step <= 50; step++)
        {
            PlanBuffer[] live = [.. buffers.Where(buffer => buffer.FirstStep <= step && step <= buffer.LastStep).OrderBy(buffer => buffer.Offset)];
            for (int i = 0; i < live.Length; i++)
            {
                Assert.That(live[i].Offset % 64, Is.Zero);
                Assert.That(live[i].Offset + live[i].Length + (i + 1 < live.Length ? 0 : 16), Is.LessThanOrEqualTo(i + 1 < live.Length ? live[i + 1].Offset : size));
            }

            Assert.That(size, Is.GreaterThanOrEqualTo(live.Sum(buffer => buffer.Length)));
        }
    }

    [Test]
    public void MemoryIsUsedAgain()
    {
        PlanBuffer[] chain = [.. Enumerable.Range(0, 10).Select(i => new PlanBuffer(1000) { FirstStep = i, LastStep = i + 1 })];
        Assert.That(Arena.Place(chain), Is.EqualTo(2 * CountedMemory.Align(1000) + 64));
    }

    [Test]
    public void TwoHalvesFitWhereAWholeWas()
    {
        PlanBuffer[] buffers =
        [
            new PlanBuffer(1 << 20) { FirstStep = 0, LastStep = 1 }, new PlanBuffer(1 << 20) { FirstStep = 1, LastStep = 3 },
            new PlanBuffer(1 << 19) { FirstStep = 2, LastStep = 3 }, new PlanBuffer(1 << 19) { FirstStep = 2, LastStep = 3 },
        ];
        Assert.That(Arena.Place(buffers), Is.EqualTo((2 << 20) + 64));
    }

    [Test]
    public void NothingNeedsNothing() => Assert.That(Arena.Place([]), Is.Zero);
}
