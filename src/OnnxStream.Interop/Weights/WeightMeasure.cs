namespace OnnxStream.Interop.Weights;

/// <summary>Measures what a range takes while it is held: of mapped files, or of memory beside buffers.</summary>
/// <param name="Traits">How the stream brings ranges in.</param>
/// <param name="OfMapped">Whether mapped files are measured.</param>
internal sealed record WeightMeasure(StreamTraits Traits, bool OfMapped)
{
    /// <summary>The bytes of a range that a kernel acquires. There is a buffer for each of its threads.</summary>
    public long Streamed(in WeightRange range) => !OfMapped && Traits.Copies(range) ? 0 : Input(range);

    /// <summary>The bytes of a range that is brought in for a step. A step may have more of them than there are buffers.</summary>
    public long Input(in WeightRange range) =>
        Traits.Maps(range) != OfMapped ? 0 : OfMapped ? MappedBlocks.MostBytes(range) : StreamTraits.ResidentBytes(range);
}
