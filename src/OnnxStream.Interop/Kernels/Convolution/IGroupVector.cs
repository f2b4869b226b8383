using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace OnnxStream.Interop.Kernels;

/// <summary>Vectors of single-precision channels whose groups are computed side by side.</summary>
/// <typeparam name="TVector">The vector.</typeparam>
/// <typeparam name="TIndices">As many integers.</typeparam>
internal unsafe interface IGroupVector<TVector, TIndices>
{
    /// <summary>The number of channels.</summary>
    static abstract int Count { get; }

    /// <summary>Reads channels.</summary>
    static abstract TVector Load(float* source);

    /// <summary>Reads indices.</summary>
    static abstract TIndices Load(int* source);

    /// <summary>The same number for all channels.</summary>
    static abstract TVector Broadcast(float value);

    /// <summary>The elements of a vector at the given indices, which are less than <see cref="Count"/>.</summary>
    static abstract TVector Select(TVector vector, TIndices indices);

    /// <summary>left * right + sum, rounded once or twice.</summary>
    static abstract TVector MultiplyAdd(TVector left, TVector right, TVector sum);

    /// <summary>Writes channels, none less than the least or more than the greatest.</summary>
    static abstract void Store(TVector value, TVector least, TVector greatest, float* destination);
}

/// <summary>One channel.</summary>
internal readonly unsafe struct GroupVector1 : IGroupVector<float, int>
{
    /// <inheritdoc/>
    public static int Count => 1;

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Load(float* source) => *source;

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int Load(int* source) => *source;

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Broadcast(float value) => value;

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Select(float vector, int indices) => vector;

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float MultiplyAdd(float left, float right, float sum) => float.MultiplyAddEstimate(left, right, sum);

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(float value, float least, float greatest, float* destination) => *destination = Math.Min(Math.Max(value, least), greatest);
}

/// <summary>Four channels.</summary>
internal readonly unsafe struct GroupVector4 : IGroupVector<Vector128<float>, Vector128<int>>
{
    /// <inheritdoc/>
    public static int Count => Vector128<float>.Count;

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<float> Load(float* source) => Vector128.Load(source);

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<int> Load(int* source) => Vector128.Load(source);

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<float> Broadcast(float value) => Vector128.Create(value);

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<float> Select(Vector128<float> vector, Vector128<int> indices) => Vector128.ShuffleNative(vector, indices);

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<float> MultiplyAdd(Vector128<float> left, Vector128<float> right, Vector128<float> sum) => Vector128.MultiplyAddEstimate(left, right, sum);

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(Vector128<float> value, Vector128<float> least, Vector128<float> greatest, float* destination) => Vector128.Min(Vector128.Max(value, least), greatest).Store(destination);
}

/// <summary>Eight channels.</summary>
internal readonly unsafe struct GroupVector8 : IGroupVector<Vector256<float>, Vector256<int>>
{
    /// <inheritdoc/>
    public static int Count => Vector256<float>.Count;

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> Load(float* source) => Vector256.Load(source);

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<int> Load(int* source) => Vector256.Load(source);

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> Broadcast(float value) => Vector256.Create(value);

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> Select(Vector256<float> vector, Vector256<int> indices) => Vector256.ShuffleNative(vector, indices);

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> MultiplyAdd(Vector256<float> left, Vector256<float> right, Vector256<float> sum) => Vector256.MultiplyAddEstimate(left, right, sum);

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(Vector256<float> value, Vector256<float> least, Vector256<float> greatest, float* destination) => Vector256.Min(Vector256.Max(value, least), greatest).Store(destination);
}

/// <summary>Sixteen channels.</summary>
internal readonly unsafe struct GroupVector16 : IGroupVector<Vector512<float>, Vector512<int>>
{
    /// <inheritdoc/>
    public static int Count => Vector512<float>.Count;

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Load(float* source) => Vector512.Load(source);

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<int> Load(int* source) => Vector512.Load(source);

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Broadcast(float value) => Vector512.Create(value);

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Select(Vector512<float> vector, Vector512<int> indices) => Vector512.ShuffleNative(vector, indices);

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> MultiplyAdd(Vector512<float> left, Vector512<float> right, Vector512<float> sum) => Vector512.MultiplyAddEstimate(left, right, sum);

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(Vector512<float> value, Vector512<float> least, Vector512<float> greatest, float* destination) => Vector512.Min(Vector512.Max(value, least), greatest).Store(destination);
}
