using System.Buffers;
using OnnxStream.Interop.Panels;

namespace OnnxStream.Interop.Quantization;

/// <summary>A matrix whose numbers are rounded to 4 bits in blocks along its inputs; each output channel is filled up to whole blocks with zeros.</summary>
/// <param name="weight">What it is made of.</param>
/// <param name="layout">Where its channels lie.</param>
internal sealed class BlockedWeight(FloatWeight weight, WeightLayout layout)
{
    /// <summary>The numbers of a block.</summary>
    public const int BlockLength = BlockQuantizer.BlockLength;

    private const int BandBytes = 4 << 20;

    /// <summary>What it is made of.</summary>
    public FloatWeight Weight => weight;

    /// <summary>The output channels.</summary>
    public long Channels => layout.Channels;

    /// <summary>The numbers of a channel.</summary>
    public long PerChannel => layout.PerChannel;

    /// <summary>The blocks of a channel.</summary>
    public int Blocks => checked((int)((PerChannel + BlockLength - 1) / BlockLength));

    /// <summary>The channels of a band.</summary>
    public int BandChannels => (int)Math.Clamp(BandBytes / (Blocks * BlockLength * (long)sizeof(float)), 1, Channels);

    /// <summary>Rounds a band of channels.</summary>
    /// <param name="first">The first channel.</param>
    public BlockBand Compute(long first)
    {
        int count = (int)Math.Min(BandChannels, Channels - first);
        int stride = Blocks * BlockLength;
        float[] rows = ReadRows(first, count, stride);
        byte[] integers = new byte[count * stride / 2];
        float[] scales = new float[count * Blocks];
        for (int block = 0; block < scales.Length; block++)
        {
            // What is no number is told by its scale.
            ushort scale = BlockQuantizer.Quantize(rows.AsSpan(block * BlockLength, BlockLength), integers.AsSpan(block * BlockLength / 2, BlockLength / 2));
            scales[block] = BitConverter.UInt32BitsToSingle((uint)scale << 16);
        }

        ArrayPool<float>.Shared.Return(rows);
        return new BlockBand(this, first, count, integers, scales);
    }

    /// <summary>What rounding takes from a band.</summary>
    /// <param name="first">The first channel.</param>
    /// <param name="count">Receives the number of its channels.</param>
    public SquaredLoss Loss(long first, out int count)
    {
        BlockBand band = Compute(first);
        count = band.Count;
        int stride = Blocks * BlockLength;
        float[] rows = ReadRows(first, band.Count, stride);
        double lost = 0;
        double whole = 0;
        for (int i = 0; i < band.Count * stride; i++)
        {
            int integer = ((band.Integers[i / 2] >> (4 * (i % 2))) & 15) - 8;
            double difference = rows[i] - (double)band.Scales[i / BlockLength] * integer;
            lost += difference * difference;
            whole += (double)rows[i] * rows[i];
        }

        ArrayPool<float>.Shared.Return(rows);
        return new SquaredLoss(lost, whole);
    }

    // Rented; filled up with zeros.
    private float[] ReadRows(long first, int count, int stride)
    {
        float[] rows = ArrayPool<float>.Shared.Rent(checked(count * stride));
        rows.AsSpan(0, count * stride).Clear();
        weight.ReadChannels(layout, first, count, rows, stride);
        return rows;
    }
}
