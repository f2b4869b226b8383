namespace OnnxStream.Interop.Quantization;

/// <summary>The integers of a weight in blocks of 4 bits, as MatMulNBits takes them: for each output channel its blocks, two numbers in a byte, the first in its lower half, plus 8.</summary>
/// <param name="name">The name of the weight.</param>
/// <param name="weight">The weight.</param>
/// <param name="bands">Keeps what was computed last.</param>
/// <param name="work">Is asked whether to go on.</param>
internal sealed class BlockIntegerSource(string name, BlockedWeight weight, BlockBands bands, QuantizationWork work) : RoundedSource(weight.Weight, $"int4:{name}", work)
{
    private long PerChannel => (long)weight.Blocks * BlockedWeight.BlockLength / 2;

    /// <inheritdoc/>
    public override long Length => weight.Channels * PerChannel;

    /// <inheritdoc/>
    protected override void Compute(long offset, Span<byte> destination)
    {
        while (destination.Length > 0)
        {
            BlockBand band = bands.Of(weight, offset / PerChannel);
            ReadOnlySpan<byte> rest = band.Integers.AsSpan((int)(offset - band.First * PerChannel));
            int count = Math.Min(rest.Length, destination.Length);
            rest[..count].CopyTo(destination);
            destination = destination[count..];
            offset += count;
        }
    }
}
