namespace OnnxStream.Interop.Weights;

/// <summary>Reads each range when it is needed, by a single read of another provider: for plans of one step.</summary>
internal sealed class DirectWeightsProvider(WeightsProvider provider) : WeightsProvider(0)
{
    /// <inheritdoc/>
    public override void Read(in WeightRange range, Span<byte> destination) => provider.Read(range, destination);
}
