using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace OnnxStream.Interop.Kernels;

/// <summary>A function of one element, computed for a vector of them.</summary>
internal interface IActivationFunction
{
    /// <summary>The function.</summary>
    static abstract Vector<float> Invoke(Vector<float> x);

    /// <summary>The same function for registers of 512 bits.</summary>
    static abstract Vector512<float> Invoke(Vector512<float> x);
}

/// <summary>f(x) = x.</summary>
internal readonly struct NoActivation : IActivationFunction
{
    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector<float> Invoke(Vector<float> x) => x;

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Invoke(Vector512<float> x) => x;
}

/// <summary>x * sigmoid(x). Elfwing et al., arXiv 1702.03118.</summary>
internal readonly struct SiluActivation : IActivationFunction
{
    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector<float> Invoke(Vector<float> x) => VectorMath.Silu(x);

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Invoke(Vector512<float> x) => VectorMath.Silu(x);
}

/// <summary>x * P(X &lt;= x) of the normal distribution. Hendrycks and Gimpel, arXiv 1606.08415.</summary>
internal readonly struct GeluActivation : IActivationFunction
{
    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector<float> Invoke(Vector<float> x) => VectorMath.Gelu(x);

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Invoke(Vector512<float> x) => VectorMath.Gelu(x);
}

/// <summary>The approximation of GELU by tanh.</summary>
internal readonly struct GeluTanhActivation : IActivationFunction
{
    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector<float> Invoke(Vector<float> x) => VectorMath.GeluTanh(x);

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Invoke(Vector512<float> x) => VectorMath.GeluTanh(x);
}

/// <summary>The approximation of GELU by a sigmoid of 1.702 x, which CLIP uses.</summary>
internal readonly struct QuickGeluActivation : IActivationFunction
{
    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector<float> Invoke(Vector<float> x) => VectorMath.QuickGelu(x);

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Invoke(Vector512<float> x) => VectorMath.QuickGelu(x);
}
