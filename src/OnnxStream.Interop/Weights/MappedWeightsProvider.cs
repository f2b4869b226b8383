namespace OnnxStream.Interop.Weights;

/// <summary>Weights in mapped files (panels of about a megabyte are copied from them), with or without a window of pages that are brought in ahead of use.</summary>
internal sealed class MappedWeightsProvider(long windowBytes) : WeightsProvider(windowBytes)
{
    // A panel is at most little more than a megabyte.
    private const long CopiedBytes = 1280 << 10;

    /// <inheritdoc/>
    public override void Read(in WeightRange range, Span<byte> destination) => WeightFile.Read(range, destination);

    /// <inheritdoc/>
    internal override StreamTraits Traits => new(ReadsParts: true, CopiedBytes);

    /// <inheritdoc/>
    internal override bool HoldsWindow => false;

    /// <inheritdoc/>
    internal override WeightStream OpenStream(IReadOnlyList<WeightRange> schedule, IReadOnlyList<PartlyReadWeight> parts, long windowBytes, int buffers = 0) =>
        new MappedWeightStream(schedule, parts, windowBytes, Traits, buffers);
}
