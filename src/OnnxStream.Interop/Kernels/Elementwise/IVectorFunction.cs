using System.Numerics;

namespace OnnxStream.Interop.Kernels;

/// <summary>A function of one number in single precision, computed for a whole vector. Its fields hold its parameters.</summary>
internal interface IVectorFunction
{
    /// <summary>The function.</summary>
    Vector<float> Invoke(Vector<float> x);
}
