using System.Numerics;
using System.Runtime.CompilerServices;

namespace OnnxStream.Interop.Kernels;

/// <inheritdoc cref="VectorFunctions.Sigmoid"/>
internal readonly struct SigmoidFunction : IVectorFunction
{
    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public Vector<float> Invoke(Vector<float> x) => VectorFunctions.Sigmoid(x);
}

/// <inheritdoc cref="VectorFunctions.Tanh"/>
internal readonly struct TanhFunction : IVectorFunction
{
    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public Vector<float> Invoke(Vector<float> x) => VectorFunctions.Tanh(x);
}

/// <inheritdoc cref="VectorFunctions.Exp"/>
internal readonly struct ExpFunction : IVectorFunction
{
    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public Vector<float> Invoke(Vector<float> x) => VectorFunctions.Exp(x);
}

/// <inheritdoc cref="VectorFunctions.Sinh"/>
internal readonly struct SinhFunction : IVectorFunction
{
    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public Vector<float> Invoke(Vector<float> x) => VectorFunctions.Sinh(x);
}

/// <inheritdoc cref="VectorFunctions.Softplus"/>
internal readonly struct SoftplusFunction : IVectorFunction
{
    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public Vector<float> Invoke(Vector<float> x) => VectorFunctions.Softplus(x);
}

/// <inheritdoc cref="VectorFunctions.Mish"/>
internal readonly struct MishFunction : IVectorFunction
{
    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public Vector<float> Invoke(Vector<float> x) => VectorFunctions.Mish(x);
}

/// <inheritdoc cref="VectorFunctions.Erf"/>
internal readonly struct ErfFunction : IVectorFunction
{
    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public Vector<float> Invoke(Vector<float> x) => VectorFunctions.Erf(x);
}

/// <inheritdoc cref="VectorFunctions.Gelu"/>
internal readonly struct GeluFunction : IVectorFunction
{
    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public Vector<float> Invoke(Vector<float> x) => VectorFunctions.Gelu(x);
}

/// <inheritdoc cref="VectorFunctions.Atan"/>
internal readonly struct AtanFunction : IVectorFunction
{
    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public Vector<float> Invoke(Vector<float> x) => VectorFunctions.Atan(x);
}

/// <summary>x / (1 + |x|).</summary>
internal readonly struct SoftsignFunction : IVectorFunction
{
    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public Vector<float> Invoke(Vector<float> x) => x / (Vector<float>.One + Vector.Abs(x));
}

/// <summary>x * max(0, min(1, x / 6 + 1 / 2)).</summary>
internal readonly struct HardSwishFunction : IVectorFunction
{
    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public Vector<float> Invoke(Vector<float> x) => x * Vector.MinNative(Vector<float>.One, Vector.MaxNative(Vector<float>.Zero, Vector.FusedMultiplyAdd(x, new Vector<float>(1f / 6), new Vector<float>(0.5f))));
}

/// <summary>max(0, x); NaN stays NaN.</summary>
internal readonly struct ReluFunction : IVectorFunction
{
    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public Vector<float> Invoke(Vector<float> x) => Vector.ConditionalSelect(Vector.LessThanOrEqual(x, Vector<float>.Zero), Vector<float>.Zero, x);
}

/// <summary>x, and alpha x below zero.</summary>
internal readonly struct LeakyReluFunction(float alpha) : IVectorFunction
{
    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public Vector<float> Invoke(Vector<float> x) => Vector.ConditionalSelect(Vector.LessThan(x, Vector<float>.Zero), x * new Vector<float>(alpha), x);
}

/// <summary>x above alpha, otherwise 0.</summary>
internal readonly struct ThresholdedReluFunction(float alpha) : IVectorFunction
{
    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public Vector<float> Invoke(Vector<float> x) => Vector.ConditionalSelect(Vector.GreaterThan(x, new Vector<float>(alpha)), x, Vector<float>.Zero);
}

/// <summary>x + bias below -lambda, x - bias above lambda, otherwise 0.</summary>
internal readonly struct ShrinkFunction(float lambda, float bias) : IVectorFunction
{
    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public Vector<float> Invoke(Vector<float> x) => 
        Vector.ConditionalSelect(Vector.LessThan(x, new Vector<float>(-lambda)), x + new Vector<float>(bias),
            Vector.ConditionalSelect(Vector.GreaterThan(x, new Vector<float>(lambda)), x - new Vector<float>(bias), Vector<float>.Zero));
}

/// <summary>scale * x, and scale * alpha (e^x - 1) below zero: Elu, Selu.</summary>
internal readonly struct ScaledEluFunction(float alpha, float scale) : IVectorFunction
{
    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public Vector<float> Invoke(Vector<float> x) => new Vector<float>(scale) * Vector.ConditionalSelect(Vector.LessThan(x, Vector<float>.Zero), new Vector<float>(alpha) * VectorFunctions.ExpM1(x), x);
}

/// <summary>max(0, x) + min(0, alpha (e^(x / alpha) - 1)).</summary>
internal readonly struct CeluFunction(float alpha) : IVectorFunction
{
    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public Vector<float> Invoke(Vector<float> x) 
    {
        Vector<float> curve = new Vector<float>(alpha) * VectorFunctions.ExpM1(x / new Vector<float>(alpha));
        return Vector.ConditionalSelect(Vector.GreaterThan(x, Vector<float>.Zero), x, Vector<float>.Zero) + Vector.ConditionalSelect(Vector.GreaterThan(curve, Vector<float>.Zero), Vector<float>.Zero, curve);
    }
}

/// <summary>x * sigmoid(alpha x).</summary>
internal readonly struct SwishFunction(float alpha) : IVectorFunction
{
    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public Vector<float> Invoke(Vector<float> x) => x * VectorFunctions.Sigmoid(x * new Vector<float>(alpha));
}
