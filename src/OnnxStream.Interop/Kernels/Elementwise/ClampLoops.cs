using System.Numerics;
using System.Runtime.CompilerServices;

namespace OnnxStream.Interop.Kernels;

/// <summary>Moves numbers into an interval, vector by vector. Where the least exceeds the most, everything becomes the most; NaN stays.</summary>
internal static unsafe class ClampLoops
{
    /// <summary>Clamps a run; input and output may be the same memory.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Run<T>(T* input, T* output, int length, T least, T most)
        where T : unmanaged, INumber<T>
    {
        int i = 0;
        if (Vector<T>.IsSupported && !(VectorFolding.HasNaN<T>() && NeedsCare(least, most)))
        {
            // Of two zeros, the instructions for maximum give the element. Adding a zero makes a negative one positive where the bound is.
            T zero = T.IsZero(least) && !T.IsNegative(least) ? T.Zero : -T.Zero;
            Vector<T> leasts = new(least);
            Vector<T> mosts = new(most);
            Vector<T> zeros = new(zero);
            for (; i <= length - 2 * Vector<T>.Count; i += 2 * Vector<T>.Count)
            {
                Vector<T> first = Clamp(Vector.Load(input + i), leasts, mosts, zeros);
                Vector<T> second = Clamp(Vector.Load(input + i + Vector<T>.Count), leasts, mosts, zeros);
                first.Store(output + i);
                second.Store(output + i + Vector<T>.Count);
            }
        }

        for (; i < length; i++)
        {
            output[i] = T.Min(T.Max(input[i], least), most);
        }
    }

    // They give their second operand if one is NaN.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector<T> Clamp<T>(Vector<T> values, Vector<T> least, Vector<T> most, Vector<T> zero)
        where T : unmanaged, INumber<T> =>
        VectorFolding.HasNaN<T>() ? Vector.MinNative(most, Vector.MaxNative(least, values) + zero) : Vector.Min(most, Vector.Max(least, values));

    // Bounds that are no numbers make everything NaN, and an upper bound of -0 is less than +0.
    private static bool NeedsCare<T>(T least, T most)
        where T : unmanaged, INumber<T> => T.IsNaN(least) || T.IsNaN(most) || (T.IsZero(most) && T.IsNegative(most));
}
