using OnnxStream.Interop.Graphs;

namespace OnnxStream.Interop.Operators;

/// <summary>For the <see cref="Softmax"/> of an attention operator.</summary>
/// <param name="EmptyRowsAreZero">
/// Whether a row of nothing but -infinity, a query without any key, becomes zeros. Softmax as ONNX defines it makes NaN of it, and so it stays where a
/// model spells attention out.
/// </param>
internal sealed record SoftmaxFusion(bool EmptyRowsAreZero) : NodeFusion;
