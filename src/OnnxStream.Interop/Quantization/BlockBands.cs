namespace OnnxStream.Interop.Quantization;

/// <summary>Bands of output channels of weights in blocks of 4 bits that were computed last: a band's integers and scales are read one after the other, and a few channels at a time.</summary>
internal sealed class BlockBands
{
    private const int MostBands = 4;

    private readonly List<BlockBand> _bands = [];
    private readonly Lock _lock = new();

    /// <summary>The band that holds a channel.</summary>
    public BlockBand Of(BlockedWeight weight, long channel)
    {
        lock (_lock)
        {
            BlockBand? found = _bands.Find(band => band.Weight == weight && channel >= band.First && channel < band.First + band.Count);
            if (found is null)
            {
                found = weight.Compute(channel / weight.BandChannels * weight.BandChannels);
                if (_bands.Count == MostBands)
                {
                    _bands.RemoveAt(0);
                }
            }
            else
            {
                _bands.Remove(found);
            }

            _bands.Add(found);
            return found;
        }
    }
}
