using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace OnnxStream.Interop.Kernels;

/// <summary>A function of one element of any type, computed for a vector of them where there are such.</summary>
internal interface IVectorizedFunction<T>
    where T : unmanaged
{
    /// <summary>The function.</summary>
    static abstract T Invoke(T x);

    /// <summary>The function of each lane.</summary>
    static abstract Vector<T> Invoke(Vector<T> x);
}

/// <summary>Computes a function vector by vector.</summary>
internal readonly struct VectorizedFunction<T, TFunction> : IUnaryFunction<T, T>
    where T : unmanaged
    where TFunction : struct, IVectorizedFunction<T>
{
    /// <inheritdoc/>
    public static bool IsQuick => Vector<T>.IsSupported;

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void Invoke(ReadOnlySpan<T> input, Span<T> output)
    {
        ref T source = ref MemoryMarshal.GetReference(input);
        ref T target = ref MemoryMarshal.GetReference(output[..input.Length]);
        int i = 0;
        if (Vector<T>.IsSupported)
        {
            for (; i <= input.Length - Vector<T>.Count; i += Vector<T>.Count)
            {
                TFunction.Invoke(Vector.LoadUnsafe(ref source, (nuint)i)).StoreUnsafe(ref target, (nuint)i);
            }
        }

        for (; i < input.Length; i++)
        {
            Unsafe.Add(ref target, i) = TFunction.Invoke(Unsafe.Add(ref source, i));
        }
    }
}
