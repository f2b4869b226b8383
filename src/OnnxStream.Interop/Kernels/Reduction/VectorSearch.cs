using System.Numerics;
using System.Runtime.CompilerServices;

namespace OnnxStream.Interop.Kernels;

/// <summary>Looks for numbers, vector by vector.</summary>
internal static unsafe class VectorSearch
{
    /// <summary>The first place of a number; -1 if it is nowhere.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static long IndexOf<T>(T* values, long length, T value)
        where T : unmanaged, INumber<T>
    {
        long i = 0;
        if (Vector<T>.IsSupported)
        {
            Vector<T> wanted = new(value);
            while (i <= length - Vector<T>.Count && !Vector.EqualsAny(Vector.Load(values + i), wanted))
            {
                i += Vector<T>.Count;
            }
        }

        for (; i < length; i++)
        {
            if (values[i] == value)
            {
                return i;
            }
        }

        return -1;
    }

    /// <summary>The last place of a number; -1 if it is nowhere.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static long LastIndexOf<T>(T* values, long length, T value)
        where T : unmanaged, INumber<T>
    {
        long i = length;
        if (Vector<T>.IsSupported)
        {
            Vector<T> wanted = new(value);
            while (i >= Vector<T>.Count && !Vector.EqualsAny(Vector.Load(values + i - Vector<T>.Count), wanted))
            {
                i -= Vector<T>.Count;
            }
        }

        while (--i >= 0 && values[i] != value)
        {
        }

        return i;
    }

    /// <summary>The first place from <paramref name="start"/> on that might hold a number above or below another; between <paramref name="start"/> and it there is none.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static long SkipOthers<T>(T* values, long start, long length, T value, bool isAbove)
        where T : unmanaged, INumber<T>
    {
        long i = start;
        if (Vector<T>.IsSupported)
        {
            Vector<T> limit = new(value);
            while (i <= length - Vector<T>.Count && !(isAbove ? Vector.GreaterThanAny(Vector.Load(values + i), limit) : Vector.LessThanAny(Vector.Load(values + i), limit)))
            {
                i += Vector<T>.Count;
            }
        }

        return i;
    }

    /// <summary>The first place from <paramref name="start"/> on that might hold a number that is not below another, or not above it; between <paramref name="start"/> and it there is none.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static long SkipWorse<T>(T* values, long start, long length, T value, bool isAbove)
        where T : unmanaged, INumber<T>
    {
        long i = start;
        if (Vector<T>.IsSupported)
        {
            Vector<T> limit = new(value);
            while (i <= length - Vector<T>.Count && !(isAbove ? Vector.GreaterThanOrEqualAny(Vector.Load(values + i), limit) : Vector.LessThanOrEqualAny(Vector.Load(values + i), limit)))
            {
                i += Vector<T>.Count;
            }
        }

        return i;
    }
}
