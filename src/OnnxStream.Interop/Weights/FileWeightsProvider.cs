namespace OnnxStream.Interop.Weights;

/// <summary>Weights that are read from their files when they are needed, or mapped, with or without a window that the system reads ahead.</summary>
internal sealed class FileWeightsProvider(long windowBytes, Mapping mapping = Mapping.None) : WeightsProvider(windowBytes)
{
    // A panel is at most little more than a megabyte.
    private const long CopiedBytes = 1280 << 10;

    /// <inheritdoc/>
    public override void Read(in WeightRange range, Span<byte> destination) => WeightFile.Read(range, destination);

    /// <inheritdoc/>
    internal override StreamTraits Traits => new(ReadsParts: true, mapping == Mapping.Files ? 0 : CopiedBytes, mapping);

    /// <inheritdoc/>
    internal override bool HoldsWindow => false;

    /// <inheritdoc/>
    internal override WeightStream OpenStream(IReadOnlyList<WeightRange> schedule, IReadOnlyList<PartlyReadWeight> parts, long windowBytes, int buffers = 0, WeightMemory memory = default) =>
        new FileWeightStream(schedule, parts, windowBytes, memory.MappedBytes == 0 ? Traits.WithoutPanels : Traits, buffers, memory);
}
