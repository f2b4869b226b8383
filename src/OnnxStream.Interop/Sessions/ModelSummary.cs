namespace OnnxStream.Interop;

/// <summary>What a model consists of.</summary>
/// <param name="Operators">The operators with the number of nodes that use them, most frequent first.</param>
/// <param name="ParameterCount">The number of elements of weights and biases: floating-point numbers, and integers that stand for such (quantized weights, whatever number of them lies in a byte). A weight that several nodes read counts once.</param>
/// <param name="WeightBytes">The bytes of all initializers and constants as they are stored.</param>
/// <param name="FlopCount">Floating-point operations of all convolutions and matrix products for the declared input shapes (a multiplication and an addition are two); null if a dimension is open, a shape depends on data, or the model cannot run.</param>
public sealed record ModelSummary(
    IReadOnlyList<OperatorCount> Operators,
    long ParameterCount,
    long WeightBytes,
    long? FlopCount);

/// <summary>An operator and the number of nodes that use it.</summary>
/// <param name="OperatorType">The operator, with its domain where it is not ONNX's own.</param>
/// <param name="Count">The number of nodes.</param>
/// <param name="IsSupported">Whether this library can compute it.</param>
public readonly record struct OperatorCount(string OperatorType, int Count, bool IsSupported);
