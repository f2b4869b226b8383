using System.Diagnostics;
using OnnxStream.Interop.Native;

namespace OnnxStream.Interop.Weights;

/// <summary>Finds out whether panels come quicker where they are used in the mapped file than where they are copied.</summary>
/// <remarks>
/// What a program has written or read piece by piece, the system's cache holds in pieces up to the size of a block of <see cref="MappedBlocks"/>, if
/// the file system can (ext4 since Linux 6.16); mapping them is next to nothing. What was fetched from disk ahead of use it holds page by page:
/// mapping that takes half the time of a copy, and a copy then lies in the cache of the processor that computes with it.
/// </remarks>
internal static unsafe class MappingTrial
{
    private const int Samples = 8;

    // A panel that is computed with where it lies comes from main memory, not from a cache: bringing it in must be that much quicker.
    private const double MostOfReading = 0.2;

    /// <summary>Whether the panels of a schedule should be mapped. Nothing is read from disk.</summary>
    /// <param name="schedule">The ranges that a run asks for.</param>
    /// <exception cref="WeightsException">The panels are not there, or cannot be read.</exception>
    public static bool Pays(IReadOnlyList<WeightRange> schedule)
    {
        WeightRange[] panels = [.. schedule.Where(range => range.IsPanel)];
        WeightRange[] samples = [.. Enumerable.Range(0, Samples).Select(i => panels[(long)i * panels.Length / Samples])];
        using OpenWeightFile file = new(samples[0].Source.LocalPath!);
        if (!samples.All(sample => sample.Source.LocalPath == file.Path && file.IsCached(sample)))
        {
            return false;
        }

        file.MapUnderLease();
        file.TakeLease();
        using MappedBlocks blocks = new(0);
        using NativeBuffer buffer = new(samples.Max(sample => sample.Length));
        new Span<byte>(buffer.Pointer, checked((int)buffer.Length)).Clear();
        int quicker = 0;
        foreach (WeightRange sample in samples)
        {
            if (file.Mapped(sample) is var mapped && mapped is null)
            {
                return false;
            }

            long first = TimeMapping(blocks, file, mapped, sample.Length);
            long mapping = Math.Min(first, TimeMapping(blocks, file, mapped, sample.Length));
            long start = Stopwatch.GetTimestamp();
            file.Read(sample, new Span<byte>(buffer.Pointer, checked((int)sample.Length)));
            quicker += mapping < MostOfReading * (Stopwatch.GetTimestamp() - start) ? 1 : 0;
        }

        // Each sample has one vote: somebody else may have had the processor during any of them.
        return quicker > Samples / 2;
    }

    private static long TimeMapping(MappedBlocks blocks, OpenWeightFile file, byte* mapped, long length)
    {
        long start = Stopwatch.GetTimestamp();
        if (!blocks.TryTake(file, mapped, length))
        {
            return int.MaxValue;
        }

        blocks.Return(file, mapped, length);
        blocks.Clear();
        return Stopwatch.GetTimestamp() - start;
    }
}
