using System.Numerics;
using System.Runtime.CompilerServices;

namespace OnnxStream.Interop.Kernels;

/// <summary>left + right; integers wrap around.</summary>
internal readonly struct AddFunction<T> : IBinaryFunction<T, T>
    where T : unmanaged, INumber<T>
{
    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T Invoke(T left, T right) => left + right;

    /// <inheritdoc/>
    public static bool IsVectorized => true;

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector<T> Invoke(Vector<T> left, Vector<T> right) => left + right;
}

/// <summary>left - right; integers wrap around.</summary>
internal readonly struct SubtractFunction<T> : IBinaryFunction<T, T>
    where T : unmanaged, INumber<T>
{
    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T Invoke(T left, T right) => left - right;

    /// <inheritdoc/>
    public static bool IsVectorized => true;

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector<T> Invoke(Vector<T> left, Vector<T> right) => left - right;
}

/// <summary>left * right; integers wrap around.</summary>
internal readonly struct MultiplyFunction<T> : IBinaryFunction<T, T>
    where T : unmanaged, INumber<T>
{
    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T Invoke(T left, T right) => left * right;

    /// <inheritdoc/>
    public static bool IsVectorized => true;

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector<T> Invoke(Vector<T> left, Vector<T> right) => left * right;
}

/// <summary>left / right; integers are truncated.</summary>
internal readonly struct DivideFunction<T> : IBinaryFunction<T, T>
    where T : unmanaged, INumber<T>
{
    // C leaves integers divided by zero undefined and .NET throws; ours is what most runtimes end up with.

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T Invoke(T left, T right) => !T.IsInteger(T.One / (T.One + T.One)) ? left / right : IntegerDivision.Divide(left, right);

    /// <inheritdoc/>
    public static bool IsVectorized => typeof(T) == typeof(float) || typeof(T) == typeof(double) || IntegerDivision.Supports<T>();

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector<T> Invoke(Vector<T> left, Vector<T> right) =>
        typeof(T) == typeof(float) || typeof(T) == typeof(double) ? left / right : IntegerDivision.Divide(left, right);
}

/// <summary>The larger one; NaN if one is.</summary>
internal readonly struct MaximumFunction<T> : IBinaryFunction<T, T>
    where T : unmanaged, INumber<T>
{
    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T Invoke(T left, T right) => T.Max(left, right);

    /// <inheritdoc/>
    public static bool IsVectorized => true;

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector<T> Invoke(Vector<T> left, Vector<T> right) => Vector.Max(left, right);
}

/// <summary>The smaller one; NaN if one is.</summary>
internal readonly struct MinimumFunction<T> : IBinaryFunction<T, T>
    where T : unmanaged, INumber<T>
{
    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T Invoke(T left, T right) => T.Min(left, right);

    /// <inheritdoc/>
    public static bool IsVectorized => true;

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector<T> Invoke(Vector<T> left, Vector<T> right) => Vector.Min(left, right);
}

/// <summary>The second one.</summary>
internal readonly struct ReplaceFunction<T> : IBinaryFunction<T, T>
    where T : unmanaged
{
    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T Invoke(T left, T right) => right;

    /// <inheritdoc/>
    public static bool IsVectorized => true;

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector<T> Invoke(Vector<T> left, Vector<T> right) => right;
}
