namespace OnnxStream.Interop.Weights;

/// <summary>Weights in mapped files, with or without a window of pages that are brought in ahead of use.</summary>
internal sealed class MappedWeightsProvider(long windowBytes) : WeightsProvider(windowBytes)
{
    /// <inheritdoc/>
    public override void Read(in WeightRange range, Span<byte> destination) => WeightFile.Read(range, destination);

    /// <inheritdoc/>
    internal override bool ReadsPartsCheaply => true;

    /// <inheritdoc/>
    internal override bool HoldsWindow => false;

    /// <inheritdoc/>
    internal override WeightStream OpenStream(IReadOnlyList<WeightRange> schedule, IReadOnlyList<PartlyReadWeight> parts, long windowBytes) => new MappedWeightStream(schedule, parts, windowBytes);
}
