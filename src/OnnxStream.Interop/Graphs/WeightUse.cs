namespace OnnxStream.Interop;

/// <summary>A node that reads a weight.</summary>
/// <param name="Node">The name of the node in the model, in which exporters often keep the module that it belongs to; may be empty.</param>
/// <param name="OperatorType">Its operator, such as <c>MatMul</c>.</param>
/// <param name="Input">Which input the weight is, from 0.</param>
public sealed record WeightUse(string Node, string OperatorType, int Input)
{
    /// <summary>Whether the node takes the weight as [outputs, inputs]: a Gemm with <c>transB</c>, a convolution, or a product with a transposed weight.</summary>
    public bool IsOutputMajor { get; init; }
}
