
namespace OnnxStream.Interop.Kernels;

/// <summary>What is made of a row.</summary>
internal enum SoftmaxFunction
{
    Softmax,
    LogSoftmax,
    Hardmax,
}
