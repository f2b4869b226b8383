using Microsoft.Win32.SafeHandles;
using OnnxStream.Interop.Native;
using OnnxStream.Interop.Panels;

namespace OnnxStream.Interop.Tests.Panels;

[NativeMemoryLeakCheck]
public class BlockWriterTests
{
    private const int BlockBytes = BlockWriter.BlockBytes;

    // Pieces as long as a few bytes, nearly a block, and several blocks, with gaps.
    private static readonly (long Offset, long Length)[] s_pieces = [(100, 5), (4096, 1_500_000), (1_504_500, 700_000), (2_300_000, 9_000_000), (11_400_000, 64), (11_500_000, 1_200_000)];

    [Test]
    public void WhatComesInAnyOrderLiesWhereItBelongs([Values(0, 1, 3, 100)] int buffers, [Values(1, 4)] int threads, [Values(1, 2, 3)] int seed)
    {
        using TemporaryFolder folder = new();
        string path = folder["file"];
        long before = CountedMemory.LiveBytes;
        (long Offset, long Length)[] order = [.. s_pieces];
        new Random(seed).Shuffle(order);
        using (SafeFileHandle file = File.OpenHandle(path, FileMode.Create, FileAccess.ReadWrite))
        using (BlockWriter writer = new(file, s_pieces, buffers))
        {
            Assert.That(CountedMemory.LiveBytes - before, Is.LessThanOrEqualTo((long)buffers * BlockBytes));
            Parallel.ForEach(order, new ParallelOptions { MaxDegreeOfParallelism = threads }, piece => writer.Write(piece.Offset, Bytes(piece)));
        }

        byte[] written = File.ReadAllBytes(path);
        byte[] expected = new byte[12_700_000];
        foreach ((long Offset, long Length) piece in s_pieces)
        {
            Bytes(piece).CopyTo(expected, piece.Offset);
        }

        Assert.That(written.AsSpan().SequenceEqual(expected), Is.True);
    }

    // What lies around the pieces is somebody else's to write.
    [Test]
    public void NothingElseIsWritten()
    {
        using TemporaryFolder folder = new();
        string path = folder["file"];
        byte[] others = new byte[6000];
        new Random(5).NextBytes(others);
        using (SafeFileHandle file = File.OpenHandle(path, FileMode.Create, FileAccess.ReadWrite))
        {
            using BlockWriter writer = new(file, [(1000, 500), (2000, 1500)], 1);
            RandomAccess.Write(file, others, 0);
            writer.Write(2000, new byte[1500]);
            writer.Write(1000, new byte[500]);
        }

        byte[] written = File.ReadAllBytes(path);
        Assert.That(written.AsSpan(0, 1000).SequenceEqual(others.AsSpan(0, 1000)), Is.True);
        Assert.That(written.AsSpan(3500).SequenceEqual(others.AsSpan(3500)), Is.True);
    }

    [Test]
    public void AnErrorOfTheDiskReachesTheWriter()
    {
        using TemporaryFolder folder = new();
        string path = folder.Write("file", new byte[10]);
        using SafeFileHandle readOnly = File.OpenHandle(path);
        using BlockWriter writer = new(readOnly, [(0, 10)], 1);
        Assert.That(() => writer.Write(0, new byte[10]), Throws.InstanceOf<IOException>().Or.InstanceOf<UnauthorizedAccessException>());
    }

    private static byte[] Bytes((long Offset, long Length) piece)
    {
        byte[] bytes = new byte[piece.Length];
        new Random((int)piece.Offset).NextBytes(bytes);
        return bytes;
    }
}
