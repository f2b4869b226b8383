namespace OnnxStream.Interop.Weights;

/// <summary>Weights that are read when they are needed, or mapped, with or without a window that is read ahead: of local files by the system, of other sources into memory.</summary>
internal sealed class FileWeightsProvider(long windowBytes, Mapping mapping = Mapping.None, long keptBytes = 0) : WeightsProvider(windowBytes)
{
    private readonly MappedFiles? _files = mapping == Mapping.Files ? new MappedFiles() : null;

    /// <summary>The files that are mapped, once for all plans and sessions; null where streams map panels themselves, or nothing.</summary>
    internal MappedFiles? Files => _files;

    /// <inheritdoc/>
    public override bool ReadsParts => true;

    /// <inheritdoc/>
    internal override StreamTraits Traits => new(ReadsParts, mapping == Mapping.Files ? 0 : StreamTraits.PanelBytes, mapping) { LocalRoute = WeightRoute.File, OtherRoute = WeightRoute.Slot, KeptBytes = keptBytes, SharedFiles = _files };
}
