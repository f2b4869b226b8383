using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace OnnxStream.Interop.Kernels;

/// <summary>An operation of two numbers for which order and grouping do not matter.</summary>
internal interface IFoldingOperation<T>
    where T : unmanaged, INumber<T>
{
    /// <summary>The operation.</summary>
    static abstract T Invoke(T left, T right);

    /// <summary>The operation, lane by lane.</summary>
    static abstract Vector<T> Invoke(Vector<T> left, Vector<T> right);

    /// <summary>The operation, lane by lane.</summary>
    static abstract Vector128<T> Invoke(Vector128<T> left, Vector128<T> right);
}

/// <summary>Folds spans, vector by vector where the processor has vectors of the type.</summary>
/// <remarks>The loops are compiled for speed before their first call: a plan may run only a few times.</remarks>
internal static class VectorFolding
{
    /// <summary>Whether the type has numbers that are none.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool HasNaN<T>() => typeof(T) == typeof(float) || typeof(T) == typeof(double);

    /// <summary>One accumulator and many values.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static T Fold<T, TOperation>(T accumulator, ReadOnlySpan<T> values)
        where T : unmanaged, INumber<T>
        where TOperation : IFoldingOperation<T>
    {
        int i = 0;
        if (Vector<T>.IsSupported && values.Length >= 4 * Vector<T>.Count)
        {
            ReadOnlySpan<Vector<T>> vectors = MemoryMarshal.Cast<T, Vector<T>>(values);
            Vector<T> fold0 = vectors[0], fold1 = vectors[1], fold2 = vectors[2], fold3 = vectors[3];
            int k = 4;
            for (; k + 3 < vectors.Length; k += 4)
            {
                fold0 = TOperation.Invoke(fold0, vectors[k]);
                fold1 = TOperation.Invoke(fold1, vectors[k + 1]);
                fold2 = TOperation.Invoke(fold2, vectors[k + 2]);
                fold3 = TOperation.Invoke(fold3, vectors[k + 3]);
            }

            for (; k < vectors.Length; k++)
            {
                fold0 = TOperation.Invoke(fold0, vectors[k]);
            }

            fold0 = TOperation.Invoke(TOperation.Invoke(fold0, fold1), TOperation.Invoke(fold2, fold3));
            accumulator = TOperation.Invoke(accumulator, FoldLanes<T, TOperation>(fold0));
            i = vectors.Length * Vector<T>.Count;
        }

        for (; i < values.Length; i++)
        {
            accumulator = TOperation.Invoke(accumulator, values[i]);
        }

        return accumulator;
    }

    /// <summary>All lanes of a vector: halves are folded until one lane is left.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T FoldLanes<T, TOperation>(Vector<T> vector)
        where T : unmanaged, INumber<T>
        where TOperation : IFoldingOperation<T>
    {
        Vector128<byte> fold = Vector<byte>.Count == Vector256<byte>.Count
            ? TOperation.Invoke(vector.AsVector256().GetLower(), vector.AsVector256().GetUpper()).AsByte()
            : vector.AsVector128().AsByte();
        fold = TOperation.Invoke(fold.As<byte, T>(), Vector128.Shuffle(fold, Vector128.Create((byte)8, 9, 10, 11, 12, 13, 14, 15, 0, 1, 2, 3, 4, 5, 6, 7)).As<byte, T>()).AsByte();
        if (Unsafe.SizeOf<T>() <= sizeof(int))
        {
            fold = TOperation.Invoke(fold.As<byte, T>(), Vector128.Shuffle(fold, Vector128.Create((byte)4, 5, 6, 7, 0, 1, 2, 3, 0, 1, 2, 3, 0, 1, 2, 3)).As<byte, T>()).AsByte();
        }

        if (Unsafe.SizeOf<T>() <= sizeof(short))
        {
            fold = TOperation.Invoke(fold.As<byte, T>(), Vector128.Shuffle(fold, Vector128.Create((byte)2, 3, 0, 1, 0, 1, 0, 1, 0, 1, 0, 1, 0, 1, 0, 1)).As<byte, T>()).AsByte();
        }

        if (Unsafe.SizeOf<T>() == sizeof(byte))
        {
            fold = TOperation.Invoke(fold.As<byte, T>(), Vector128.Shuffle(fold, Vector128.Create((byte)1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)).As<byte, T>()).AsByte();
        }

        return fold.As<byte, T>().ToScalar();
    }

    /// <summary>Many accumulators and as many values.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void FoldEach<T, TOperation>(Span<T> accumulators, ReadOnlySpan<T> values)
        where T : unmanaged, INumber<T>
        where TOperation : IFoldingOperation<T>
    {
        values = values[..accumulators.Length];
        int i = 0;
        if (Vector<T>.IsSupported)
        {
            Span<Vector<T>> folds = MemoryMarshal.Cast<T, Vector<T>>(accumulators);
            ReadOnlySpan<Vector<T>> vectors = MemoryMarshal.Cast<T, Vector<T>>(values)[..folds.Length];
            for (int k = 0; k < folds.Length; k++)
            {
                folds[k] = TOperation.Invoke(folds[k], vectors[k]);
            }

            i = folds.Length * Vector<T>.Count;
        }

        for (; i < accumulators.Length; i++)
        {
            accumulators[i] = TOperation.Invoke(accumulators[i], values[i]);
        }
    }
}

/// <summary>The larger one; NaN if one is. Which of two zeros it is does not matter.</summary>
/// <remarks>
/// Three instructions, where that of IEEE 754 takes many: one gives its second operand if either is NaN, so of both orders one gives the NaN. All
/// bits of the two results together are a NaN then, and otherwise what both are.
/// </remarks>
internal readonly struct MaximumOperation<T> : IFoldingOperation<T>
    where T : unmanaged, INumber<T>
{
    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T Invoke(T left, T right) => T.IsNaN(right) ? right : T.MaxNative(right, left);

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector<T> Invoke(Vector<T> left, Vector<T> right) =>
        VectorFolding.HasNaN<T>() ? Vector.MaxNative(left, right) | Vector.MaxNative(right, left) : Vector.Max(left, right);

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<T> Invoke(Vector128<T> left, Vector128<T> right) =>
        VectorFolding.HasNaN<T>() ? Vector128.MaxNative(left, right) | Vector128.MaxNative(right, left) : Vector128.Max(left, right);
}

/// <summary>The smaller one; NaN if one is. Which of two zeros it is does not matter.</summary>
/// <remarks>As <see cref="MaximumOperation{T}"/>.</remarks>
internal readonly struct MinimumOperation<T> : IFoldingOperation<T>
    where T : unmanaged, INumber<T>
{
    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T Invoke(T left, T right) => T.IsNaN(right) ? right : T.MinNative(right, left);

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector<T> Invoke(Vector<T> left, Vector<T> right) =>
        VectorFolding.HasNaN<T>() ? Vector.MinNative(left, right) | Vector.MinNative(right, left) : Vector.Min(left, right);

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<T> Invoke(Vector128<T> left, Vector128<T> right) =>
        VectorFolding.HasNaN<T>() ? Vector128.MinNative(left, right) | Vector128.MinNative(right, left) : Vector128.Min(left, right);
}

/// <summary>The sum.</summary>
internal readonly struct AdditionOperation<T> : IFoldingOperation<T>
    where T : unmanaged, INumber<T>
{
    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T Invoke(T left, T right) => left + right;

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector<T> Invoke(Vector<T> left, Vector<T> right) => left + right;

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<T> Invoke(Vector128<T> left, Vector128<T> right) => left + right;
}
