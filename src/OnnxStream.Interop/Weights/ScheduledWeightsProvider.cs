namespace OnnxStream.Interop.Weights;

/// <summary>A provider that reads ahead by itself: it is told what a session will need in which order, and hands it over when it is needed.</summary>
/// <remarks>
/// The library has no thread of its own for such a provider, and gives it no memory to look after: what <see cref="ScheduledReader.Read"/> fills
/// belongs to the library, which reserves, pads and releases it. <see cref="WeightsProvider.Read"/> is called for what is needed
/// beside the schedule: small constants while a session is planned, and parts of weights.
/// </remarks>
public abstract class ScheduledWeightsProvider : WeightsProvider
{
    /// <summary>Makes a provider.</summary>
    /// <param name="windowBytes">How many bytes each session may read ahead of use.</param>
    protected ScheduledWeightsProvider(long windowBytes = DefaultWindowBytes)
        : base(windowBytes)
    {
    }

    /// <summary>Whether bytes that are read ahead are memory of this process, which counts for <see cref="SessionOptions.MemoryBudget"/>; true unless overridden.</summary>
    /// <remarks>False is for those that wait elsewhere, such as in the system's cache of files. It must not change while the provider is used.</remarks>
    public virtual bool HoldsWindow => true;

    /// <summary>Begins to serve a session, or the making of a panel store.</summary>
    /// <param name="schedule">Every range that a run will ask for, in the order of the steps. A weight that is used twice is in it twice.</param>
    /// <param name="parts">Weights of which a run will read parts with <see cref="WeightsProvider.Read"/>: they may be read ahead, too.</param>
    /// <param name="windowBytes">How many bytes may be read ahead of use: <see cref="WeightsProvider.WindowBytes"/>, or what a budget leaves. 0 means none.</param>
    /// <returns>A reader of its own for each call. The library disposes it.</returns>
    public abstract ScheduledReader OpenReader(IReadOnlyList<WeightRange> schedule, IReadOnlyList<PartlyReadWeight> parts, long windowBytes);

    /// <inheritdoc/>
    internal sealed override StreamTraits Traits => OwnTraits(WeightRoute.Reader) with { HoldsWindowBeside = HoldsWindow };
}
