using OnnxStream.Interop.Weights;

namespace OnnxStream.Interop.PublicApi.Tests.Weights;

/// <summary>A provider as a user would write it: a thread of its own reads ranges ahead of use into memory of its own, within the window.</summary>
internal sealed class PrefetchingProvider(long windowBytes) : ScheduledWeightsProvider(windowBytes)
{
    private int _reads;
    private int _readers;

    /// <summary>How often <see cref="WeightsProvider.Read"/> was called.</summary>
    public int Reads => _reads;

    /// <summary>How many readers were opened.</summary>
    public int Readers => _readers;

    /// <summary>The reader that was opened last.</summary>
    public PrefetchingReader? Last { get; private set; }

    public override void Read(in WeightRange range, Span<byte> destination)
    {
        Interlocked.Increment(ref _reads);
        range.Read(destination);
    }

    public override ScheduledReader OpenReader(IReadOnlyList<WeightRange> schedule, IReadOnlyList<PartlyReadWeight> parts, long windowBytes)
    {
        Interlocked.Increment(ref _readers);
        return Last = new PrefetchingReader(schedule, windowBytes);
    }
}
