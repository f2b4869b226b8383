using OnnxStream.Interop.Native;
using OnnxStream.Interop.Weights;

namespace OnnxStream.Interop.Tests.Weights;

[NativeMemoryLeakCheck]
[Platform("Linux")]
public unsafe class MappedBlocksTests
{
    private const long BlockBytes = MappedBlocks.BlockBytes;
    private const long FileBytes = 4 * BlockBytes + 12_345;

    private TemporaryFolder _folder = null!;
    private OpenWeightFile _file = null!;
    private long _before;

    [SetUp]
    public void SetUp()
    {
        _folder = new TemporaryFolder();
        byte[] bytes = new byte[FileBytes];
        new Random(1).NextBytes(bytes);
        _file = new OpenWeightFile(_folder.Write("weights", bytes));
        _file.Map();
        _before = CountedMemory.LiveBytes;
    }

    [TearDown]
    public void TearDown()
    {
        _file.Dispose();
        _folder.Dispose();
    }

    [Test]
    public void WhatIsUnusedStaysUntilItsPlaceIsNeeded()
    {
        using MappedBlocks blocks = new(2 * BlockBytes);
        Take(blocks, 0, 1000);
        Assert.That(Resident, Is.EqualTo(BlockBytes));
        Return(blocks, 0, 1000);
        Take(blocks, BlockBytes, 1000);
        Assert.That(Resident, Is.EqualTo(2 * BlockBytes), "the first one is still there");
        Take(blocks, 2 * BlockBytes, 1000);
        Assert.That(Resident, Is.EqualTo(2 * BlockBytes), "the first one has gone");
        Take(blocks, 3 * BlockBytes, 1000);
        Assert.That(Resident, Is.EqualTo(3 * BlockBytes), "nothing that is in use goes");
        Return(blocks, BlockBytes, 1000);
        Return(blocks, 2 * BlockBytes, 1000);
        Return(blocks, 3 * BlockBytes, 1000);
        blocks.Clear();
        Assert.That(Resident, Is.Zero);
    }

    [Test]
    public void WhatMayStayIsMappedButNotCounted()
    {
        using MappedBlocks blocks = new(0, 2 * BlockBytes);
        for (int run = 1; run <= MappedBlocks.RunsBeforeKeeping + 2; run++)
        {
            blocks.BeginRun();
            for (int block = 0; block < 4; block++)
            {
                Take(blocks, block * BlockBytes, BlockBytes - XnnpackLibrary.ReadPastEnd);
                Assert.That(Resident, Is.EqualTo(BlockBytes), $"run {run}");
                Return(blocks, block * BlockBytes, BlockBytes - XnnpackLibrary.ReadPastEnd);
            }

            blocks.Clear();
            Assert.That(Resident, Is.Zero);
            Assert.That(MappedBytes(), Is.EqualTo(run > MappedBlocks.RunsBeforeKeeping ? 2 * BlockBytes : 0), $"run {run}: the first two stay");
        }

        blocks.Dispose();
        Assert.That(MappedBytes(), Is.Zero);
    }

    // What is resident of the file, as the system counts it. The mapping may begin inside of a block.
    private long MappedBytes()
    {
        bool isOfFile = false;
        foreach (string line in File.ReadLines("/proc/self/smaps"))
        {
            if (line.Contains(_folder.Path, StringComparison.Ordinal))
            {
                isOfFile = true;
            }
            else if (isOfFile && line.StartsWith("Rss:", StringComparison.Ordinal))
            {
                return long.Parse(line.AsSpan(4).Trim().ToString().Split(' ')[0], System.Globalization.CultureInfo.InvariantCulture) * 1024;
            }
        }

        return 0;
    }

    [Test]
    public void ABlockStaysForAllWhoUseIt()
    {
        using MappedBlocks blocks = new(0);
        Take(blocks, 0, 1000);
        Take(blocks, 5000, BlockBytes);
        Return(blocks, 0, 1000);
        blocks.Clear();
        Assert.That(Resident, Is.EqualTo(2 * BlockBytes));
        Return(blocks, 5000, BlockBytes);
        blocks.Clear();
        Assert.That(Resident, Is.Zero);
    }

    [TestCase(1)]
    [TestCase(4096)]
    [TestCase(BlockBytes - 64)]
    [TestCase(BlockBytes - 63)]
    [TestCase(2 * BlockBytes)]
    public void NoRangeNeedsMoreThanIsSaid(long length)
    {
        using MappedBlocks blocks = new(0);
        long most = 0;
        foreach (long start in (long[])[0, 1, 4096, BlockBytes - 65, BlockBytes - 64, BlockBytes - 1, BlockBytes])
        {
            Take(blocks, start, length);
            most = Math.Max(most, Resident);
            Return(blocks, start, length);
            blocks.Clear();
        }

        Assert.That(most, Is.EqualTo(MappedBlocks.MostBytes(new WeightRange("", new FileSource(_file.Path), 0, length))));
    }

    [Test]
    public void TheEndOfAFileIsNoWholeBlock()
    {
        using MappedBlocks blocks = new(0);
        Take(blocks, 4 * BlockBytes, 100);
        Assert.That(Resident, Is.EqualTo(MappedBlocks.RoundToPages(12_345)));
        Return(blocks, 4 * BlockBytes, 100);
    }

    [Test]
    public void WhatTheFileHasLostCannotBeTaken()
    {
        using MappedBlocks blocks = new(2 * BlockBytes);
        using (FileStream file = new(_file.Path, FileMode.Open, FileAccess.Write, FileShare.ReadWrite))
        {
            file.SetLength(BlockBytes);
        }

        Assert.That(blocks.TryTake(_file, _file.Start + BlockBytes + 5000, 1000), Is.False);
        blocks.Clear();
        Assert.That(Resident, Is.Zero);
        Take(blocks, 0, 1000);
        Return(blocks, 0, 1000);
    }

    [Test]
    public void ManyThreadsTakeAndReturn()
    {
        using MappedBlocks blocks = new(2 * BlockBytes);
        byte[] bytes = File.ReadAllBytes(_file.Path);
        bool[] failed = new bool[4];
        Parallel.For(0, failed.Length, thread =>
        {
            Random random = new(thread);
            for (int i = 0; i < 2000; i++)
            {
                long start = random.NextInt64(FileBytes - 5000);
                int length = random.Next(1, 4000);
                failed[thread] |= !blocks.TryTake(_file, _file.Start + start, length) ||
                    !new ReadOnlySpan<byte>(_file.Start + start, length).SequenceEqual(bytes.AsSpan((int)start, length));
                Return(blocks, start, length);
            }
        });
        Assert.That(failed, Has.All.False);
        blocks.Clear();
        Assert.That(Resident, Is.Zero);
    }

    private long Resident => CountedMemory.LiveBytes - _before;

    private void Take(MappedBlocks blocks, long offset, long length) => Assert.That(blocks.TryTake(_file, _file.Start + offset, length), Is.True);

    private void Return(MappedBlocks blocks, long offset, long length) => blocks.Return(_file, _file.Start + offset, length);
}
