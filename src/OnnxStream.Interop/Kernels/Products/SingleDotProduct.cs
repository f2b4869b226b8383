namespace OnnxStream.Interop.Kernels;

/// <summary>Products of quantized numbers that become single-precision ones, one row of the matrix after the other.</summary>
/// <inheritdoc cref="QuantizedDotProduct(ElementType, int, int)"/>
internal abstract unsafe class SingleDotProduct(ElementType type, int length, int block) : QuantizedDotProduct(type, length, block)
{
    /// <summary>The rows of data that <see cref="MultiplyRows"/> takes.</summary>
    protected const int RowsAtOnce = 4;

    /// <inheritdoc/>
    public override void Arrange(float* data, byte* arranged) => new ReadOnlySpan<float>(data, Length).CopyTo(new Span<float>(arranged, Length));

    /// <inheritdoc/>
    public sealed override void Multiply(in QuantizedPart part)
    {
        byte* stored = (byte*)part.Stored;
        float* data = (float*)part.Arranged;
        float* results = (float*)part.Results;
        for (int output = 0; output < part.Outputs; output++, stored += part.StoredStride, results++)
        {
            float* scales = (float*)part.Scales + (long)output * BlocksInRow;
            float* zeroPoints = (float*)part.ZeroPoints + (long)output * BlocksInRow * part.ZeroPointStep;
            long row = 0;
            for (; row <= part.Rows - RowsAtOnce; row += RowsAtOnce)
            {
                MultiplyRows(stored, scales, zeroPoints, part.ZeroPointStep, data + row * Length, results + row * part.ResultStride, part.ResultStride);
            }

            for (; row < part.Rows; row++)
            {
                results[row * part.ResultStride] = MultiplyRow(stored, scales, zeroPoints, part.ZeroPointStep, data + row * Length);
            }
        }
    }

    /// <summary>The product with one row.</summary>
    /// <param name="stored">The stored row of the matrix.</param>
    /// <param name="scales">The scale of each block.</param>
    /// <param name="zeroPoints">The zero point of each block.</param>
    /// <param name="zeroPointStep">How far a zero point lies behind the one before: 1, or 0 where there is one for all.</param>
    /// <param name="data">The arranged row of data.</param>
    protected abstract float MultiplyRow(byte* stored, float* scales, float* zeroPoints, int zeroPointStep, float* data);

    /// <summary>The products with <see cref="RowsAtOnce"/> rows that lie behind each other.</summary>
    /// <param name="stored">The stored row of the matrix.</param>
    /// <param name="scales">The scale of each block.</param>
    /// <param name="zeroPoints">The zero point of each block.</param>
    /// <param name="zeroPointStep">How far a zero point lies behind the one before.</param>
    /// <param name="data">The arranged rows of data.</param>
    /// <param name="results">Receives the first product.</param>
    /// <param name="stride">Elements from a product to the next.</param>
    protected abstract void MultiplyRows(byte* stored, float* scales, float* zeroPoints, int zeroPointStep, float* data, float* results, long stride);
}
