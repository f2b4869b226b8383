using System.Buffers;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace OnnxStream.Interop.Quantization;

/// <summary>A weight in 8 bits with a sign, with a scale for each output channel.</summary>
/// <param name="name">The name of the weight.</param>
/// <param name="weight">What it is made of.</param>
/// <param name="layout">Where its channels lie.</param>
/// <param name="scales">The scale of each channel: positive and finite.</param>
/// <param name="work">Is asked whether to go on.</param>
internal sealed class ChannelSource(string name, FloatWeight weight, WeightLayout layout, float[] scales, QuantizationWork work) : RoundedSource(weight, $"int8:{name}", work)
{
    private const int Largest = sbyte.MaxValue;
    private const int PieceElements = 64 << 10;

    private readonly float[] _factors = Array.ConvertAll(scales, scale => 1 / scale);

    /// <inheritdoc/>
    public override long Length => Weight.Count;

    /// <inheritdoc/>
    protected override void Compute(long offset, Span<byte> destination)
    {
        Span<sbyte> integers = MemoryMarshal.Cast<byte, sbyte>(destination);
        float[] numbers = ArrayPool<float>.Shared.Rent(Math.Min(PieceElements, destination.Length));
        try
        {
            for (int done = 0; done < integers.Length; done += numbers.Length)
            {
                Span<float> piece = numbers.AsSpan(0, Math.Min(numbers.Length, integers.Length - done));
                Weight.Read(offset + done, piece);
                Round(piece, offset + done, integers.Slice(done, piece.Length));
            }
        }
        finally
        {
            ArrayPool<float>.Shared.Return(numbers);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void Round(ReadOnlySpan<float> numbers, long first, Span<sbyte> integers)
    {
        for (int done = 0; done < numbers.Length;)
        {
            long element = first + done;
            int channel = (int)(element / layout.Inner % layout.Channels);
            if (layout.Inner == 1)
            {
                // A row of one number of each channel.
                int count = Math.Min(numbers.Length - done, _factors.Length - channel);
                ReadOnlySpan<float> factors = _factors.AsSpan(channel, count);
                for (int i = 0; i < factors.Length; i++)
                {
                    integers[done + i] = Integer(numbers[done + i], factors[i]);
                }

                done += count;
            }
            else
            {
                int count = (int)Math.Min(numbers.Length - done, layout.Inner - element % layout.Inner);
                float factor = _factors[channel];
                for (int i = done; i < done + count; i++)
                {
                    integers[i] = Integer(numbers[i], factor);
                }

                done += count;
            }
        }
    }

    // As scales were fitted.
    private static sbyte Integer(float number, float factor) => (sbyte)MathF.Round(Math.Clamp(number * factor, -Largest, Largest));
}
