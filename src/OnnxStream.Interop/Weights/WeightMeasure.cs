namespace OnnxStream.Interop.Weights;

/// <summary>Measures what a range takes while it is held, of one kind of memory.</summary>
/// <param name="Traits">How the stream brings ranges in.</param>
/// <param name="Place">The kind of memory that is measured.</param>
internal sealed record WeightMeasure(StreamTraits Traits, WeightPlace Place)
{
    /// <summary>The bytes of a range that a kernel acquires. There is a buffer for each of its threads.</summary>
    public long Streamed(in WeightRange range) => Traits.Copies(range) ? 0 : Input(range);

    /// <summary>The bytes of a range that is brought in for a step. A step may have more of them than there are buffers.</summary>
    public long Input(in WeightRange range)
    {
        WeightPlace place = Traits.Maps(range) ? WeightPlace.Mapped : Traits.RouteOf(range.Source) == WeightRoute.Slot ? WeightPlace.Slot : WeightPlace.Area;
        return place != Place ? 0 : place == WeightPlace.Mapped ? MappedBlocks.MostBytes(range) : StreamTraits.ResidentBytes(range);
    }
}
