namespace OnnxStream.Interop.Kernels;

/// <summary>Activations that have parameters.</summary>
internal enum ActivationFunction
{
    Relu,
    LeakyRelu,
    Elu,
    Selu,
    Celu,
    ThresholdedRelu,
    HardSigmoid,
    Gelu,
    Swish,
    Shrink,
}
