namespace OnnxStream.Interop;

/// <summary>What a quantized model stores, and computes with, in fewer bits.</summary>
public enum QuantizationScheme
{
    /// <summary>Weights and activations of 8 bits: the ranges of activations are known beforehand (<see cref="RangeTable"/>), and products are computed with integers.</summary>
    Weights8Activations8,

    /// <summary>Weights of 8 bits, which are expanded when they are used; activations stay what they are.</summary>
    Weights8,

    /// <summary>Weights of 4 bits in blocks of 32 where they are matrices, and of 8 bits elsewhere; activations stay what they are.</summary>
    Weights4,
}
