using System.Runtime.CompilerServices;

namespace OnnxStream.Interop.Kernels;

/// <inheritdoc cref="VectorFunctions.Sigmoid"/>
internal readonly struct SigmoidFunction : IVectorFunction
{
    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public V Invoke<V>(V x)
        where V : unmanaged, IFloatVector<V> =>
        VectorFunctions.Sigmoid(x);
}

/// <inheritdoc cref="VectorFunctions.Tanh"/>
internal readonly struct TanhFunction : IVectorFunction
{
    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public V Invoke<V>(V x)
        where V : unmanaged, IFloatVector<V> =>
        VectorFunctions.Tanh(x);
}

/// <inheritdoc cref="VectorFunctions.Exp"/>
internal readonly struct ExpFunction : IVectorFunction
{
    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public V Invoke<V>(V x)
        where V : unmanaged, IFloatVector<V> =>
        VectorFunctions.Exp(x);
}

/// <inheritdoc cref="VectorFunctions.Log"/>
internal readonly struct LogFunction : IVectorFunction
{
    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public V Invoke<V>(V x)
        where V : unmanaged, IFloatVector<V> =>
        VectorFunctions.Log(x);
}

/// <inheritdoc cref="VectorFunctions.Sinh"/>
internal readonly struct SinhFunction : IVectorFunction
{
    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public V Invoke<V>(V x)
        where V : unmanaged, IFloatVector<V> =>
        VectorFunctions.Sinh(x);
}

/// <inheritdoc cref="VectorFunctions.Cosh"/>
internal readonly struct CoshFunction : IVectorFunction
{
    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public V Invoke<V>(V x)
        where V : unmanaged, IFloatVector<V> =>
        VectorFunctions.Cosh(x);
}

/// <inheritdoc cref="VectorFunctions.Asinh"/>
internal readonly struct AsinhFunction : IVectorFunction
{
    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public V Invoke<V>(V x)
        where V : unmanaged, IFloatVector<V> =>
        VectorFunctions.Asinh(x);
}

/// <inheritdoc cref="VectorFunctions.Acosh"/>
internal readonly struct AcoshFunction : IVectorFunction
{
    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public V Invoke<V>(V x)
        where V : unmanaged, IFloatVector<V> =>
        VectorFunctions.Acosh(x);
}

/// <inheritdoc cref="VectorFunctions.Atanh"/>
internal readonly struct AtanhFunction : IVectorFunction
{
    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public V Invoke<V>(V x)
        where V : unmanaged, IFloatVector<V> =>
        VectorFunctions.Atanh(x);
}

/// <inheritdoc cref="VectorFunctions.Softplus"/>
internal readonly struct SoftplusFunction : IVectorFunction
{
    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public V Invoke<V>(V x)
        where V : unmanaged, IFloatVector<V> =>
        VectorFunctions.Softplus(x);
}

/// <inheritdoc cref="VectorFunctions.Mish"/>
internal readonly struct MishFunction : IVectorFunction
{
    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public V Invoke<V>(V x)
        where V : unmanaged, IFloatVector<V> =>
        VectorFunctions.Mish(x);
}

/// <inheritdoc cref="VectorFunctions.Erf"/>
internal readonly struct ErfFunction : IVectorFunction
{
    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public V Invoke<V>(V x)
        where V : unmanaged, IFloatVector<V> =>
        VectorFunctions.Erf(x);
}

/// <inheritdoc cref="VectorFunctions.Gelu"/>
internal readonly struct GeluFunction : IVectorFunction
{
    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public V Invoke<V>(V x)
        where V : unmanaged, IFloatVector<V> =>
        VectorFunctions.Gelu(x);
}

/// <inheritdoc cref="VectorFunctions.GeluTanh"/>
internal readonly struct GeluTanhFunction : IVectorFunction
{
    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public V Invoke<V>(V x)
        where V : unmanaged, IFloatVector<V> =>
        VectorFunctions.GeluTanh(x);
}

/// <inheritdoc cref="VectorFunctions.Asin"/>
internal readonly struct AsinFunction : IVectorFunction
{
    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public V Invoke<V>(V x)
        where V : unmanaged, IFloatVector<V> =>
        VectorFunctions.Asin(x);
}

/// <inheritdoc cref="VectorFunctions.Acos"/>
internal readonly struct AcosFunction : IVectorFunction
{
    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public V Invoke<V>(V x)
        where V : unmanaged, IFloatVector<V> =>
        VectorFunctions.Acos(x);
}

/// <inheritdoc cref="VectorFunctions.Atan"/>
internal readonly struct AtanFunction : IVectorFunction
{
    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public V Invoke<V>(V x)
        where V : unmanaged, IFloatVector<V> =>
        VectorFunctions.Atan(x);
}

/// <summary>The sine.</summary>
internal readonly struct SinFunction : IVectorFunction
{
    /// <inheritdoc/>
    public static float Limit => VectorFunctions.LargestAngle;

    /// <inheritdoc/>
    public static float InvokeOne(float x) => (float)Math.Sin(x);

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public V Invoke<V>(V x)
        where V : unmanaged, IFloatVector<V> =>
        VectorFunctions.Sine(x, isCosine: false);
}

/// <summary>The cosine.</summary>
internal readonly struct CosFunction : IVectorFunction
{
    /// <inheritdoc/>
    public static float Limit => VectorFunctions.LargestAngle;

    /// <inheritdoc/>
    public static float InvokeOne(float x) => (float)Math.Cos(x);

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public V Invoke<V>(V x)
        where V : unmanaged, IFloatVector<V> =>
        VectorFunctions.Sine(x, isCosine: true);
}

/// <summary>The tangent.</summary>
internal readonly struct TanFunction : IVectorFunction
{
    /// <inheritdoc/>
    public static float Limit => VectorFunctions.LargestAngle;

    /// <inheritdoc/>
    public static float InvokeOne(float x) => (float)Math.Tan(x);

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public V Invoke<V>(V x)
        where V : unmanaged, IFloatVector<V> =>
        VectorFunctions.Tan(x);
}

/// <summary>The square root.</summary>
internal readonly struct SqrtFunction : IVectorFunction
{
    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public V Invoke<V>(V x)
        where V : unmanaged, IFloatVector<V> =>
        V.Sqrt(x);
}

/// <summary>The greatest whole number that is not greater.</summary>
internal readonly struct FloorFunction : IVectorFunction
{
    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public V Invoke<V>(V x)
        where V : unmanaged, IFloatVector<V> =>
        V.Floor(x);
}

/// <summary>The least whole number that is not less.</summary>
internal readonly struct CeilingFunction : IVectorFunction
{
    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public V Invoke<V>(V x)
        where V : unmanaged, IFloatVector<V> =>
        V.Ceiling(x);
}

/// <summary>The nearest whole number, halves to even.</summary>
internal readonly struct RoundFunction : IVectorFunction
{
    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public V Invoke<V>(V x)
        where V : unmanaged, IFloatVector<V> =>
        V.Round(x);
}

/// <summary>1 / x.</summary>
internal readonly struct ReciprocalFunction : IVectorFunction
{
    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public V Invoke<V>(V x)
        where V : unmanaged, IFloatVector<V> =>
        V.Create(1) / x;
}

/// <summary>x / (1 + |x|).</summary>
internal readonly struct SoftsignFunction : IVectorFunction
{
    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public V Invoke<V>(V x)
        where V : unmanaged, IFloatVector<V> =>
        x / (V.Create(1) + V.Abs(x));
}

/// <summary>x * max(0, min(1, x / 6 + 1 / 2)).</summary>
internal readonly struct HardSwishFunction : IVectorFunction
{
    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public V Invoke<V>(V x)
        where V : unmanaged, IFloatVector<V> =>
        x * V.MinNative(V.Create(1), V.MaxNative(V.Create(0), V.FusedMultiplyAdd(x, V.Create(1f / 6), V.Create(0.5f))));
}

/// <summary>max(0, x); NaN stays NaN.</summary>
internal readonly struct ReluFunction : IVectorFunction
{
    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public V Invoke<V>(V x)
        where V : unmanaged, IFloatVector<V> =>
        V.Select(V.LessThanOrEqual(x, V.Create(0)), V.Create(0), x);
}

/// <summary>x, and alpha x below zero.</summary>
internal readonly struct LeakyReluFunction(float alpha) : IVectorFunction
{
    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public V Invoke<V>(V x)
        where V : unmanaged, IFloatVector<V> =>
        V.Select(V.LessThan(x, V.Create(0)), x * V.Create(alpha), x);
}

/// <summary>x above alpha, otherwise 0.</summary>
internal readonly struct ThresholdedReluFunction(float alpha) : IVectorFunction
{
    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public V Invoke<V>(V x)
        where V : unmanaged, IFloatVector<V> =>
        V.And(V.LessThan(V.Create(alpha), x), x);
}

/// <summary>max(0, min(1, alpha x + beta)).</summary>
internal readonly struct HardSigmoidFunction(float alpha, float beta) : IVectorFunction
{
    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public V Invoke<V>(V x)
        where V : unmanaged, IFloatVector<V> =>
        V.MinNative(V.Create(1), V.MaxNative(V.Create(0), V.FusedMultiplyAdd(x, V.Create(alpha), V.Create(beta))));
}

/// <summary>x + bias below -lambda, x - bias above lambda, otherwise 0.</summary>
internal readonly struct ShrinkFunction(float lambda, float bias) : IVectorFunction
{
    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public V Invoke<V>(V x)
        where V : unmanaged, IFloatVector<V> =>
        V.Select(V.LessThan(x, V.Create(-lambda)), x + V.Create(bias), V.And(V.LessThan(V.Create(lambda), x), x - V.Create(bias)));
}

/// <summary>scale * x, and scale * alpha (e^x - 1) below zero: Elu, Selu.</summary>
internal readonly struct ScaledEluFunction(float alpha, float scale) : IVectorFunction
{
    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public V Invoke<V>(V x)
        where V : unmanaged, IFloatVector<V> =>
        V.Create(scale) * V.Select(V.LessThan(x, V.Create(0)), V.Create(alpha) * VectorFunctions.ExpM1(x), x);
}

/// <summary>max(0, x) + min(0, alpha (e^(x / alpha) - 1)).</summary>
internal readonly struct CeluFunction(float alpha) : IVectorFunction
{
    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public V Invoke<V>(V x)
        where V : unmanaged, IFloatVector<V>
    {
        V zero = V.Create(0);
        V curve = V.Create(alpha) * VectorFunctions.ExpM1(x / V.Create(alpha));
        return V.Select(V.LessThan(zero, x), x, zero) + V.Select(V.LessThan(zero, curve), zero, curve);
    }
}

/// <summary>x * sigmoid(alpha x).</summary>
internal readonly struct SwishFunction(float alpha) : IVectorFunction
{
    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public V Invoke<V>(V x)
        where V : unmanaged, IFloatVector<V> =>
        x * VectorFunctions.Sigmoid(x * V.Create(alpha));
}
