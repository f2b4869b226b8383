using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace OnnxStream.Interop.Kernels;

/// <summary>An operation of two numbers for which order and grouping do not matter.</summary>
internal interface IFoldingOperation<T>
    where T : unmanaged, INumber<T>
{
    /// <summary>The operation.</summary>
    static abstract T Invoke(T left, T right);

    /// <summary>The operation, lane by lane.</summary>
    static abstract Vector<T> Invoke(Vector<T> left, Vector<T> right);
}

/// <summary>Folds spans, vector by vector where the processor has vectors of the type.</summary>
/// <remarks>The loops are compiled for speed before their first call: a plan may run only a few times.</remarks>
internal static class VectorFolding
{
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
            for (int lane = 0; lane < Vector<T>.Count; lane++)
            {
                accumulator = TOperation.Invoke(accumulator, fold0[lane]);
            }

            i = vectors.Length * Vector<T>.Count;
        }

        for (; i < values.Length; i++)
        {
            accumulator = TOperation.Invoke(accumulator, values[i]);
        }

        return accumulator;
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
/// <remarks>Three instructions, where that of IEEE 754 takes many: one instruction gives its second operand if either is NaN, so that only the first is to be looked at.</remarks>
internal readonly struct MaximumOperation<T> : IFoldingOperation<T>
    where T : unmanaged, INumber<T>
{
    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T Invoke(T left, T right) => T.IsNaN(right) ? right : T.MaxNative(right, left);

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector<T> Invoke(Vector<T> left, Vector<T> right) =>
        Vector.ConditionalSelect(Vector.Equals(right, right), Vector.MaxNative(right, left), right);
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
        Vector.ConditionalSelect(Vector.Equals(right, right), Vector.MinNative(right, left), right);
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
}
