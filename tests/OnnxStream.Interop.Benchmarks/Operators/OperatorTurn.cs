namespace OnnxStream.Interop.Benchmarks.Operators;

/// <summary>The best run of each engine in one round.</summary>
/// <param name="BaselineS">A run of ONNX Runtime, in seconds.</param>
/// <param name="StepsS">The steps of a run of this library, in seconds.</param>
/// <param name="RunS">A whole run of this library, in seconds.</param>
internal readonly record struct OperatorTurn(double BaselineS, double StepsS, double RunS);
