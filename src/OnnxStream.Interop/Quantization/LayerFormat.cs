namespace OnnxStream.Interop.Quantization;

/// <summary>What becomes of a layer.</summary>
internal enum LayerFormat
{
    /// <summary>It stays as it is.</summary>
    Float,

    /// <summary>Its weight has 8 bits.</summary>
    Weight8,

    /// <summary>Its weight has 4 bits.</summary>
    Weight4,

    /// <summary>Its weight and its data have 8 bits.</summary>
    Weight8Data8,
}
