using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace OnnxStream.Interop.Kernels;

/// <summary>Runs of a function of two elements, as vectors where there are such.</summary>
internal static unsafe class BinaryLoops
{
    /// <summary>Computes a run.</summary>
    /// <param name="left">The first left element.</param>
    /// <param name="leftStride">How far apart left elements are; 0 if one repeats.</param>
    /// <param name="right">The first right element.</param>
    /// <param name="rightStride">How far apart right elements are; 0 if one repeats.</param>
    /// <param name="output">Receives the results; may be one of the inputs.</param>
    /// <param name="length">How many there are.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Run<T, TResult, TFunction>(T* left, long leftStride, T* right, long rightStride, TResult* output, long length)
        where T : unmanaged
        where TResult : unmanaged
        where TFunction : IBinaryFunction<T, TResult>
    {
        long i = 0;
        if (Vector<T>.IsSupported && TFunction.IsVectorized && leftStride is 0 or 1 && rightStride is 0 or 1 && leftStride + rightStride > 0)
        {
            i = typeof(TResult) == typeof(bool)
                ? Compare<T, TResult, TFunction>(left, leftStride, right, rightStride, (byte*)output, length)
                : Compute<T, TResult, TFunction>(left, leftStride, right, rightStride, (T*)output, length);
        }

        for (; i < length; i++)
        {
            output[i] = TFunction.Invoke(left[i * leftStride], right[i * rightStride]);
        }
    }

    // Whole vectors; returns where they end.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static long Compute<T, TResult, TFunction>(T* left, long leftStride, T* right, long rightStride, T* output, long length)
        where T : unmanaged
        where TResult : unmanaged
        where TFunction : IBinaryFunction<T, TResult>
    {
        int width = Vector<T>.Count;
        long i = 0;
        if (length < width)
        {
            return 0;
        }

        if (leftStride == 0)
        {
            Vector<T> one = new(*left);
            for (; i <= length - width; i += width)
            {
                TFunction.Invoke(one, Vector.Load(right + i)).Store(output + i);
            }
        }
        else if (rightStride == 0)
        {
            Vector<T> one = new(*right);
            for (; i <= length - width; i += width)
            {
                TFunction.Invoke(Vector.Load(left + i), one).Store(output + i);
            }
        }
        else
        {
            for (; i <= length - width; i += width)
            {
                TFunction.Invoke(Vector.Load(left + i), Vector.Load(right + i)).Store(output + i);
            }
        }

        return i;
    }

    // As many elements at a time as a vector has bytes: each of them becomes one.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static long Compare<T, TResult, TFunction>(T* left, long leftStride, T* right, long rightStride, byte* output, long length)
        where T : unmanaged
        where TResult : unmanaged
        where TFunction : IBinaryFunction<T, TResult>
    {
        int width = Vector<T>.Count;
        long i = 0;
        if (length < Vector<byte>.Count)
        {
            return 0;
        }

        // Distances of vectors.
        long a = leftStride * width;
        long b = rightStride * width;
        Vector<T> firstLeft = new(*left);
        Vector<T> firstRight = new(*right);
        for (; i <= length - Vector<byte>.Count; i += Vector<byte>.Count)
        {
            T* l = left + i * leftStride;
            T* r = right + i * rightStride;
            Vector<byte> mask;
            if (sizeof(T) == 1)
            {
                mask = Vector.As<T, byte>(Mask<T, TResult, TFunction>(l, a, firstLeft, r, b, firstRight, 0));
            }
            else if (sizeof(T) == 2)
            {
                mask = Narrow(
                    Vector.As<T, short>(Mask<T, TResult, TFunction>(l, a, firstLeft, r, b, firstRight, 0)), Vector.As<T, short>(Mask<T, TResult, TFunction>(l, a, firstLeft, r, b, firstRight, 1)));
            }
            else if (sizeof(T) == 4)
            {
                mask = Narrow(
                    Vector.As<T, int>(Mask<T, TResult, TFunction>(l, a, firstLeft, r, b, firstRight, 0)), Vector.As<T, int>(Mask<T, TResult, TFunction>(l, a, firstLeft, r, b, firstRight, 1)),
                    Vector.As<T, int>(Mask<T, TResult, TFunction>(l, a, firstLeft, r, b, firstRight, 2)), Vector.As<T, int>(Mask<T, TResult, TFunction>(l, a, firstLeft, r, b, firstRight, 3)));
            }
            else
            {
                mask = Narrow(
                    Vector.As<T, long>(Mask<T, TResult, TFunction>(l, a, firstLeft, r, b, firstRight, 0)), Vector.As<T, long>(Mask<T, TResult, TFunction>(l, a, firstLeft, r, b, firstRight, 1)),
                    Vector.As<T, long>(Mask<T, TResult, TFunction>(l, a, firstLeft, r, b, firstRight, 2)), Vector.As<T, long>(Mask<T, TResult, TFunction>(l, a, firstLeft, r, b, firstRight, 3)),
                    Vector.As<T, long>(Mask<T, TResult, TFunction>(l, a, firstLeft, r, b, firstRight, 4)), Vector.As<T, long>(Mask<T, TResult, TFunction>(l, a, firstLeft, r, b, firstRight, 5)),
                    Vector.As<T, long>(Mask<T, TResult, TFunction>(l, a, firstLeft, r, b, firstRight, 6)), Vector.As<T, long>(Mask<T, TResult, TFunction>(l, a, firstLeft, r, b, firstRight, 7)));
            }

            (mask & Vector<byte>.One).Store(output + i);
        }

        return i;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector<T> Mask<T, TResult, TFunction>(T* left, long leftDistance, Vector<T> firstLeft, T* right, long rightDistance, Vector<T> firstRight, int index)
        where T : unmanaged
        where TResult : unmanaged
        where TFunction : IBinaryFunction<T, TResult> =>
        TFunction.Invoke(
            leftDistance == 0 ? firstLeft : Vector.Load(left + index * leftDistance),
            rightDistance == 0 ? firstRight : Vector.Load(right + index * rightDistance));

    // Masks become bytes. Instructions that pack work on halves of a vector of 256 bits: at the end, what belongs together is moved there.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector<byte> Narrow(Vector<short> first, Vector<short> second) =>
        Avx2.IsSupported && Vector<byte>.Count == Vector256<byte>.Count
            ? Avx2.Permute4x64(Avx2.PackSignedSaturate(first.AsVector256(), second.AsVector256()).AsUInt64(), 0b11_01_10_00).AsByte().AsVector()
            : Vector.AsVectorByte(Vector.Narrow(first, second));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector<byte> Narrow(Vector<int> first, Vector<int> second, Vector<int> third, Vector<int> fourth)
    {
        if (Avx2.IsSupported && Vector<byte>.Count == Vector256<byte>.Count)
        {
            Vector256<sbyte> packed = Avx2.PackSignedSaturate(
                Avx2.PackSignedSaturate(first.AsVector256(), second.AsVector256()), Avx2.PackSignedSaturate(third.AsVector256(), fourth.AsVector256()));
            return Avx2.PermuteVar8x32(packed.AsInt32(), Vector256.Create(0, 4, 1, 5, 2, 6, 3, 7)).AsByte().AsVector();
        }

        return Vector.AsVectorByte(Vector.Narrow(Vector.Narrow(first, second), Vector.Narrow(third, fourth)));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector<byte> Narrow(Vector<long> v0, Vector<long> v1, Vector<long> v2, Vector<long> v3, Vector<long> v4, Vector<long> v5, Vector<long> v6, Vector<long> v7)
    {
        if (Avx2.IsSupported && Vector<byte>.Count == Vector256<byte>.Count)
        {
            Vector256<short> low = Avx2.PackSignedSaturate(LowHalves(v0, v1), LowHalves(v2, v3));
            Vector256<short> high = Avx2.PackSignedSaturate(LowHalves(v4, v5), LowHalves(v6, v7));
            Vector256<short> packed = Avx2.PackSignedSaturate(low, high).AsInt16();
            return Vector256.Create(Sse2.UnpackLow(packed.GetLower(), packed.GetUpper()), Sse2.UnpackHigh(packed.GetLower(), packed.GetUpper())).AsByte().AsVector();
        }

        return Vector.AsVectorByte(Vector.Narrow(
            Vector.Narrow(Vector.Narrow(v0, v1), Vector.Narrow(v2, v3)), Vector.Narrow(Vector.Narrow(v4, v5), Vector.Narrow(v6, v7))));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<int> LowHalves(Vector<long> first, Vector<long> second) =>
        Avx.Shuffle(first.AsVector256().AsSingle(), second.AsVector256().AsSingle(), 0b10_00_10_00).AsInt32();
}
