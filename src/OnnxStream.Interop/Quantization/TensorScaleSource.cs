using System.Buffers;

namespace OnnxStream.Interop.Quantization;

/// <summary>A weight in 8 bits without a sign, with one scale and zero point: what OnnxStream folders have.</summary>
/// <param name="name">The name of the weight.</param>
/// <param name="weight">What it is made of.</param>
/// <param name="scale">Scale and zero point.</param>
/// <param name="work">Is asked whether to go on.</param>
internal sealed class TensorScaleSource(string name, FloatWeight weight, AffineScale scale, QuantizationWork work) : RoundedSource(weight, $"uint8:{name}", work)
{
    private const int PieceElements = 64 << 10;

    /// <inheritdoc/>
    public override long Length => Weight.Count;

    /// <inheritdoc/>
    protected override void Compute(long offset, Span<byte> destination)
    {
        float[] numbers = ArrayPool<float>.Shared.Rent(Math.Min(PieceElements, destination.Length));
        try
        {
            for (int done = 0; done < destination.Length; done += numbers.Length)
            {
                Span<float> piece = numbers.AsSpan(0, Math.Min(numbers.Length, destination.Length - done));
                Weight.Read(offset + done, piece);
                for (int i = 0; i < piece.Length; i++)
                {
                    destination[done + i] = scale.Quantize(piece[i]);
                }
            }
        }
        finally
        {
            ArrayPool<float>.Shared.Return(numbers);
        }
    }
}
