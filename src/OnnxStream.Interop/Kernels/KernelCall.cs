namespace OnnxStream.Interop.Kernels;

/// <summary>What a kernel is called for, the same in every run.</summary>
/// <param name="NodeName">The node that is computed, or a part of it.</param>
/// <param name="OperatorType">The operator of that node.</param>
/// <param name="Inputs">The types of the inputs.</param>
/// <param name="Outputs">The types of the outputs.</param>
internal sealed record KernelCall(string NodeName, string OperatorType, TensorType[] Inputs, TensorType[] Outputs);
