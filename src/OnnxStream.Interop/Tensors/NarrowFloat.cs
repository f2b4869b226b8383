using System.Collections.Frozen;

namespace OnnxStream.Interop.Tensors;

/// <summary>A format of floating-point numbers of at most 8 bits: the number of each code, and the code of each number.</summary>
/// <remarks>
/// https://onnx.ai/onnx/technical/float8.html and https://onnx.ai/onnx/technical/float4.html. All numbers of these formats are
/// numbers in single precision too, so reading is a look-up. What is out of range is as the tables of ONNX's Cast say.
/// </remarks>
internal abstract class NarrowFloat
{
    private static readonly FrozenDictionary<ElementType, NarrowFloat> s_formats = new Dictionary<ElementType, NarrowFloat>
    {
        [ElementType.Float8E4M3FN] = new SignedNarrowFloat(exponentBits: 4, mantissaBits: 3, bias: 7, largest: 0x7E, nan: 0x7F, overflow: 0x7F, isUnsignedZero: false),
        [ElementType.Float8E4M3FNUZ] = new SignedNarrowFloat(exponentBits: 4, mantissaBits: 3, bias: 8, largest: 0x7F, nan: 0x80, overflow: 0x80, isUnsignedZero: true),
        [ElementType.Float8E5M2] = new SignedNarrowFloat(exponentBits: 5, mantissaBits: 2, bias: 15, largest: 0x7B, nan: 0x7E, overflow: 0x7C, isUnsignedZero: false),
        [ElementType.Float8E5M2FNUZ] = new SignedNarrowFloat(exponentBits: 5, mantissaBits: 2, bias: 16, largest: 0x7F, nan: 0x80, overflow: 0x80, isUnsignedZero: true),
        [ElementType.Float4E2M1] = new SignedNarrowFloat(exponentBits: 2, mantissaBits: 1, bias: 1, largest: 7, nan: null, overflow: 7, isUnsignedZero: false),
        [ElementType.Float8E8M0] = new ScaleFloat(),
    }.ToFrozenDictionary();

    /// <summary>Makes the format.</summary>
    /// <param name="numbers">The number of each of the 256 codes; a format with fewer repeats them.</param>
    protected NarrowFloat(float[] numbers) => Numbers = numbers;

    /// <summary>The number of each of the 256 bytes. A byte with more bits than a code has counts as the code in its lower bits.</summary>
    public float[] Numbers { get; }

    /// <summary>The format of a type.</summary>
    /// <param name="type">A narrow floating-point type.</param>
    public static NarrowFloat Of(ElementType type) => s_formats[type];

    /// <summary>Rounds numbers to codes: to the nearest, ties to even, unless <paramref name="rounding"/> says something else for scales.</summary>
    /// <param name="numbers">The numbers.</param>
    /// <param name="codes">Receives as many codes.</param>
    /// <param name="rounding">What to do with numbers that do not fit.</param>
    public abstract void Round(ReadOnlySpan<double> numbers, Span<byte> codes, NarrowRounding rounding);
}
