using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace OnnxStream.Interop.Kernels;

/// <summary>As many lanes as <see cref="Vector{T}"/> has: at most 256 bits.</summary>
internal readonly struct FloatVector : IFloatVector<FloatVector>
{
    private readonly Vector<float> _value;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private FloatVector(Vector<float> value) => _value = value;

    /// <inheritdoc/>
    public static int Count => Vector<float>.Count;

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static FloatVector Create(float value) => new(new Vector<float>(value));

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static FloatVector FromBits(int bits) => new(Vector.AsVectorSingle(new Vector<int>(bits)));

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static FloatVector Load(ref float source, nuint index) => new(Vector.LoadUnsafe(ref source, index));

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Store(ref float target, nuint index) => _value.StoreUnsafe(ref target, index);

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static FloatVector operator +(FloatVector left, FloatVector right) => new(left._value + right._value);

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static FloatVector operator -(FloatVector left, FloatVector right) => new(left._value - right._value);

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static FloatVector operator *(FloatVector left, FloatVector right) => new(left._value * right._value);

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static FloatVector operator /(FloatVector left, FloatVector right) => new(left._value / right._value);

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static FloatVector operator -(FloatVector value) => new(-value._value);

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static FloatVector FusedMultiplyAdd(FloatVector left, FloatVector right, FloatVector sum) => new(Vector.FusedMultiplyAdd(left._value, right._value, sum._value));

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static FloatVector Abs(FloatVector value) => new(Vector.Abs(value._value));

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static FloatVector MinNative(FloatVector left, FloatVector right) => new(Vector.MinNative(left._value, right._value));

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static FloatVector MaxNative(FloatVector left, FloatVector right) => new(Vector.MaxNative(left._value, right._value));

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static FloatVector Sqrt(FloatVector value) => new(Vector.SquareRoot(value._value));

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static FloatVector Floor(FloatVector value) => new(Vector.Floor(value._value));

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static FloatVector Ceiling(FloatVector value) => new(Vector.Ceiling(value._value));

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static FloatVector Round(FloatVector value) => new(Vector.Round(value._value));

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static FloatVector LessThan(FloatVector left, FloatVector right) => new(Vector.AsVectorSingle(Vector.LessThan(left._value, right._value)));

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static FloatVector LessThanOrEqual(FloatVector left, FloatVector right) => new(Vector.AsVectorSingle(Vector.LessThanOrEqual(left._value, right._value)));

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static FloatVector Equal(FloatVector left, FloatVector right) => new(Vector.AsVectorSingle(Vector.Equals(left._value, right._value)));

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static FloatVector Select(FloatVector mask, FloatVector whenTrue, FloatVector whenFalse) => new(Vector.ConditionalSelect(Vector.AsVectorInt32(mask._value), whenTrue._value, whenFalse._value));

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool Any(FloatVector mask) => Vector.AsVectorInt32(mask._value) != Vector<int>.Zero;

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static FloatVector CopySign(FloatVector size, FloatVector sign) => new(Vector.ConditionalSelect(new Vector<int>(int.MinValue), sign._value, size._value));

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static FloatVector AddBits(FloatVector left, FloatVector right) => new(Vector.AsVectorSingle(Vector.AsVectorInt32(left._value) + Vector.AsVectorInt32(right._value)));

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static FloatVector SubtractBits(FloatVector left, FloatVector right) => new(Vector.AsVectorSingle(Vector.AsVectorInt32(left._value) - Vector.AsVectorInt32(right._value)));

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static FloatVector And(FloatVector left, FloatVector right) => new(left._value & right._value);

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static FloatVector Xor(FloatVector left, FloatVector right) => new(left._value ^ right._value);

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static FloatVector ShiftLeft(FloatVector value, int count) => new(Vector.AsVectorSingle(Vector.AsVectorInt32(value._value) << count));

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static FloatVector ShiftRight(FloatVector value, int count) => new(Vector.AsVectorSingle(Vector.AsVectorInt32(value._value) >> count));

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static FloatVector FromIntegers(FloatVector bits) => new(Vector.ConvertToSingle(Vector.AsVectorInt32(bits._value)));

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static FloatVector Scale(FloatVector value, FloatVector exponent)
    {
        // In two factors, of which none leaves the normal numbers: their product does where the result has to.
        // What is no number gets any exponent, and stays none.
        Vector<int> whole = Vector.ConvertToInt32Native(exponent._value);
        Vector<int> half = whole >> 1;
        return new(value._value * PowerOfTwo(half) * PowerOfTwo(whole - half));
    }

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Greatest(FloatVector value)
    {
        Vector128<float> half = Vector<float>.Count == Vector256<float>.Count
            ? Vector128.MaxNative(value._value.AsVector256().GetLower(), value._value.AsVector256().GetUpper())
            : value._value.AsVector128();
        half = Vector128.MaxNative(half, Vector128.Shuffle(half, Vector128.Create(2, 3, 0, 1)));
        return Vector128.MaxNative(half, Vector128.Shuffle(half, Vector128.Create(1, 0, 3, 2))).ToScalar();
    }

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static double Sum(FloatVector value)
    {
        Vector.Widen(value._value, out Vector<double> low, out Vector<double> high);
        return Vector.Sum(low + high);
    }

    // 2 to the power of an exponent of a normal number.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector<float> PowerOfTwo(Vector<int> exponent) => Vector.AsVectorSingle((exponent + new Vector<int>(127)) << 23);
}
