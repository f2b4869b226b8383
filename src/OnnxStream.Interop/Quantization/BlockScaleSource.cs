using System.Runtime.InteropServices;

namespace OnnxStream.Interop.Quantization;

/// <summary>The scales of a weight in blocks of 4 bits: for each output channel one for each block.</summary>
/// <inheritdoc cref="BlockIntegerSource" path="/param"/>
internal sealed class BlockScaleSource(string name, BlockedWeight weight, BlockBands bands, QuantizationWork work) : RoundedSource(weight.Weight, $"scales:{name}", work)
{
    private long PerChannel => (long)weight.Blocks * sizeof(float);

    /// <inheritdoc/>
    public override long Length => weight.Channels * PerChannel;

    /// <inheritdoc/>
    protected override void Compute(long offset, Span<byte> destination)
    {
        while (destination.Length > 0)
        {
            BlockBand band = bands.Of(weight, offset / PerChannel);
            ReadOnlySpan<byte> rest = MemoryMarshal.AsBytes(band.Scales.AsSpan())[(int)(offset - band.First * PerChannel)..];
            int count = Math.Min(rest.Length, destination.Length);
            rest[..count].CopyTo(destination);
            destination = destination[count..];
            offset += count;
        }
    }
}
