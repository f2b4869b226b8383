namespace OnnxStream.Interop.Kernels;

/// <summary>The product of a row of a quantized matrix and rows of data, for one type of stored numbers.</summary>
/// <param name="type">The type of the stored numbers.</param>
/// <param name="length">The numbers of a row: a multiple of <see cref="Step"/>.</param>
/// <param name="block">The numbers that share a scale and a zero point: a multiple of <see cref="Step"/>, the length, or more.</param>
internal abstract unsafe class QuantizedDotProduct(ElementType type, int length, int block)
{
    /// <summary>The numbers that are computed together.</summary>
    public const int Step = 32;

    /// <summary>The rows of data that <see cref="MultiplyRows"/> takes.</summary>
    public const int RowsAtOnce = 4;

    /// <summary>The type of the stored numbers.</summary>
    protected ElementType Type { get; } = type;

    /// <summary>The numbers of a row.</summary>
    protected int Length { get; } = length;

    /// <summary>The numbers that share a scale.</summary>
    protected int Block { get; } = Math.Min(block, length);

    /// <summary>The quickest on this processor.</summary>
    /// <inheritdoc cref="QuantizedDotProduct(ElementType, int, int)"/>
    public static QuantizedDotProduct Create(ElementType type, int length, int block) =>
        System.Runtime.Intrinsics.X86.Avx512F.IsSupported
            ? type.PerByte() == 2 ? new Wide4BitDotProduct(type, length, block) : new Wide8BitDotProduct(type, length, block)
            : new PortableDotProduct(type, length, block);

    /// <summary>Brings a row of data into the order in which it is multiplied.</summary>
    /// <param name="data">The row.</param>
    /// <param name="arranged">Receives as many numbers.</param>
    public virtual void Arrange(float* data, float* arranged) => new ReadOnlySpan<float>(data, Length).CopyTo(new Span<float>(arranged, Length));

    /// <summary>The product with one row.</summary>
    /// <param name="stored">The stored row of the matrix.</param>
    /// <param name="scales">The scale of each block.</param>
    /// <param name="zeroPoints">The zero point of each block.</param>
    /// <param name="zeroPointStep">How far a zero point lies behind the one before: 1, or 0 where there is one for all.</param>
    /// <param name="data">The arranged row of data.</param>
    public abstract float Multiply(byte* stored, float* scales, float* zeroPoints, int zeroPointStep, float* data);

    /// <summary>The products with <see cref="RowsAtOnce"/> rows that lie behind each other.</summary>
    /// <param name="stored">The stored row of the matrix.</param>
    /// <param name="scales">The scale of each block.</param>
    /// <param name="zeroPoints">The zero point of each block.</param>
    /// <param name="zeroPointStep">How far a zero point lies behind the one before.</param>
    /// <param name="data">The arranged rows of data.</param>
    /// <param name="results">Receives the first product.</param>
    /// <param name="stride">Elements from a product to the next.</param>
    public abstract void MultiplyRows(byte* stored, float* scales, float* zeroPoints, int zeroPointStep, float* data, float* results, long stride);
}
