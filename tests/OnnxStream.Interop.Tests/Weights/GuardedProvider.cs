using OnnxStream.Interop.Weights;

namespace OnnxStream.Interop.Tests.Weights;

/// <summary>A provider that knows whether a read of a source comes through it.</summary>
internal sealed class GuardedProvider(long windowBytes) : WeightsProvider(windowBytes)
{
    [ThreadStatic]
    private static bool s_isInside;

    private int _reads;

    public int Reads => _reads;

    /// <summary>The weights that were read.</summary>
    public HashSet<string> Names { get; } = [];

    /// <summary>What was read past the provider.</summary>
    public List<string> Past { get; } = [];

    /// <summary>What the provider was asked for that is no file of the model.</summary>
    public List<string> Foreign { get; } = [];

    /// <summary>From now on, reads of this source must come through the provider.</summary>
    public void Guard(MemorySource source) => source.OnRead = offset =>
    {
        if (!s_isInside)
        {
            lock (Past)
            {
                Past.Add($"{source}@{offset}: {Environment.StackTrace}");
            }
        }
    };

    public override void Read(in WeightRange range, Span<byte> destination)
    {
        Interlocked.Increment(ref _reads);
        lock (Foreign)
        {
            Names.Add(range.Name);
            if (range.Source is not MemorySource)
            {
                Foreign.Add(range.ToString());
            }
        }

        s_isInside = true;
        try
        {
            range.Read(destination);
        }
        finally
        {
            s_isInside = false;
        }
    }
}
