namespace OnnxStream.Interop.Kernels;

/// <summary>The product of a row of a quantized matrix and rows of data, for one type of stored numbers.</summary>
/// <param name="type">The type of the stored numbers.</param>
/// <param name="length">The numbers of a row: a multiple of <see cref="Step"/>.</param>
/// <param name="block">The numbers that share a scale and a zero point: a multiple of <see cref="Step"/>, the length, or more.</param>
internal abstract unsafe class QuantizedDotProduct(ElementType type, int length, int block)
{
    /// <summary>The numbers that are computed together.</summary>
    public const int Step = 32;

    /// <summary>The type of the stored numbers.</summary>
    protected ElementType Type { get; } = type;

    /// <summary>The numbers of a row.</summary>
    protected int Length { get; } = length;

    /// <summary>The numbers that share a scale.</summary>
    protected int Block { get; } = Math.Min(block, length);

    /// <summary>The blocks of a row.</summary>
    protected int BlocksInRow => (Length + Block - 1) / Block;

    /// <summary>The quickest on this processor.</summary>
    /// <inheritdoc cref="QuantizedDotProduct(ElementType, int, int)"/>
    public static QuantizedDotProduct Create(ElementType type, int length, int block) =>
        IntegerDotProduct.IsSupported(type) ? new IntegerDotProduct(type, length, block) : CreateSingle(type, length, block);

    /// <summary>The quickest on this processor that computes in single precision.</summary>
    /// <inheritdoc cref="QuantizedDotProduct(ElementType, int, int)"/>
    protected static QuantizedDotProduct CreateSingle(ElementType type, int length, int block) =>
        !System.Runtime.Intrinsics.X86.Avx512F.IsSupported ? new PortableDotProduct(type, length, block) :
        type.PerByte() == 2 ? new Wide4BitDotProduct(type, length, block) : new Wide8BitDotProduct(type, length, block);

    /// <summary>The bytes of an arranged row of data.</summary>
    public virtual long ArrangedBytes => (long)Length * sizeof(float);

    /// <summary>Brings a row of data into the form in which it is multiplied.</summary>
    /// <param name="data">The row.</param>
    /// <param name="arranged">Receives <see cref="ArrangedBytes"/>.</param>
    public abstract void Arrange(float* data, byte* arranged);

    /// <summary>Multiplies rows of data with rows of the matrix.</summary>
    /// <param name="part">The rows.</param>
    public abstract void Multiply(in QuantizedPart part);
}
