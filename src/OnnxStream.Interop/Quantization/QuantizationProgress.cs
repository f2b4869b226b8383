namespace OnnxStream.Interop;

/// <summary>How far a quantization is.</summary>
/// <param name="Stage">What is being done.</param>
/// <param name="Fraction">The part of it that is done, 0 to 1.</param>
public readonly record struct QuantizationProgress(QuantizationStage Stage, double Fraction);
