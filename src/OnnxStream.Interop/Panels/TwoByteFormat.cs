using System.Runtime.InteropServices;

namespace OnnxStream.Interop.Panels;

/// <summary>Single precision that is stored in two bytes a number: half the bytes, expanded before use.</summary>
internal abstract unsafe class TwoByteFormat : Float32Format
{
    // Two bytes take the place of the numbers that they are made of, which must have been read.
    private const int RoundedAtOnce = 1024;

    /// <inheritdoc/>
    public sealed override bool IsUsedInPlace => false;

    /// <inheritdoc/>
    public sealed override long StoredBytes(long packedBytes) => packedBytes / 2;

    /// <inheritdoc/>
    public sealed override Span<byte> Encode(Span<byte> packed)
    {
        Span<float> wide = MemoryMarshal.Cast<byte, float>(packed);
        Span<ushort> narrow = MemoryMarshal.Cast<byte, ushort>(packed)[..wide.Length];
        Span<ushort> rounded = stackalloc ushort[RoundedAtOnce];
        for (int i = 0; i < wide.Length; i += RoundedAtOnce)
        {
            Span<float> part = wide[i..Math.Min(i + RoundedAtOnce, wide.Length)];
            Round(part, rounded[..part.Length]);
            rounded[..part.Length].CopyTo(narrow[i..]);
        }

        return MemoryMarshal.AsBytes(narrow);
    }

    /// <inheritdoc/>
    public sealed override void Round(byte* packed, long packedBytes)
    {
        Span<float> numbers = new(packed, checked((int)(packedBytes / sizeof(float))));
        ushort* rounded = stackalloc ushort[RoundedAtOnce];
        for (int i = 0; i < numbers.Length; i += RoundedAtOnce)
        {
            Span<float> part = numbers[i..Math.Min(i + RoundedAtOnce, numbers.Length)];
            Round(part, new Span<ushort>(rounded, part.Length));
            Expand((byte*)rounded, packed + (long)i * sizeof(float), (long)part.Length * sizeof(float));
        }
    }

    /// <inheritdoc/>
    public sealed override SquaredLoss WeightLoss(ReadOnlySpan<float> channel)
    {
        SquaredLoss loss = SquaredLoss.None;
        ushort* rounded = stackalloc ushort[RoundedAtOnce];
        float* expanded = stackalloc float[RoundedAtOnce];
        for (int i = 0; i < channel.Length; i += RoundedAtOnce)
        {
            ReadOnlySpan<float> part = channel[i..Math.Min(i + RoundedAtOnce, channel.Length)];
            Round(part, new Span<ushort>(rounded, part.Length));
            Expand((byte*)rounded, (byte*)expanded, (long)part.Length * sizeof(float));
            for (int k = 0; k < part.Length; k++)
            {
                double difference = (double)part[k] - expanded[k];
                loss += new SquaredLoss(difference * difference, (double)part[k] * part[k]);
            }
        }

        return loss;
    }

    /// <summary>Rounds numbers to what is stored.</summary>
    /// <param name="numbers">The numbers.</param>
    /// <param name="stored">Receives as many.</param>
    protected abstract void Round(ReadOnlySpan<float> numbers, Span<ushort> stored);
}
