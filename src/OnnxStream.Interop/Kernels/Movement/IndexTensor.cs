using System.Numerics;
using System.Runtime.CompilerServices;

namespace OnnxStream.Interop.Kernels;

/// <summary>The int32 or int64 elements of a tensor that says which elements of another one are meant.</summary>
internal readonly unsafe struct IndexTensor(byte* elements, bool isWide)
{
    /// <summary>Looks at input <paramref name="input"/> of the step that runs.</summary>
    public IndexTensor(KernelContext context, int input)
        : this(context.Input(input), context.Call.Inputs[input].ElementType == ElementType.Int64)
    {
    }

    /// <summary>Element <paramref name="i"/> as it is given.</summary>
    public long this[long i] => isWide ? ((long*)elements)[i] : ((int*)elements)[i];

    /// <summary>The elements, if they are int64; else null.</summary>
    public long* Wide => isWide ? (long*)elements : null;

    /// <summary>The elements, if they are int32; else null.</summary>
    public int* Narrow => isWide ? null : (int*)elements;

    /// <summary>Element <paramref name="i"/> as an index into <paramref name="size"/> elements; a negative one counts from the end.</summary>
    public long Resolve(long i, long size)
    {
        long index = this[i];
        return index < 0 ? index + size : index;
    }

    /// <summary>Throws unless each of the first <paramref name="count"/> elements is an index into <paramref name="size"/> elements.</summary>
    /// <exception cref="InvalidInputException">One is not.</exception>
    public void Check(KernelContext context, long count, long size) => Check(context, 0, count, size);

    /// <summary>Throws unless each of <paramref name="count"/> elements from <paramref name="first"/> on is an index into <paramref name="size"/> elements.</summary>
    /// <exception cref="InvalidInputException">One is not.</exception>
    public void Check(KernelContext context, long first, long count, long size)
    {
        if (isWide ? AreInside((long*)elements + first, count, size) : AreInside((int*)elements + first, count, size))
        {
            return;
        }

        for (long i = first; i < first + count; i++)
        {
            CheckOne(context, this[i], size);
        }
    }

    /// <summary>Takes an element for each of some indices, which have been checked.</summary>
    /// <param name="first">The first index.</param>
    /// <param name="count">The number of indices.</param>
    /// <param name="size">What the indices choose from; negative ones count from its end.</param>
    /// <param name="data">The element that index 0 of the first place means.</param>
    /// <param name="axisStride">Elements from an index to the next.</param>
    /// <param name="placeStride">Elements from a place to the next, for the same index.</param>
    /// <param name="output">Receives the elements.</param>
    public void Take<T>(long first, long count, long size, T* data, long axisStride, long placeStride, T* output)
        where T : unmanaged
    {
        if (isWide)
        {
            TakeWide((long*)elements + first, count, size, data, axisStride, placeStride, output);
        }
        else
        {
            TakeNarrow((int*)elements + first, count, size, data, axisStride, placeStride, output);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void TakeWide<T>(long* indices, long count, long size, T* data, long axisStride, long placeStride, T* output)
        where T : unmanaged
    {
        if (axisStride == 1 && placeStride == 0)
        {
            for (long i = 0; i < count; i++)
            {
                long index = indices[i];
                output[i] = data[index + ((index >> 63) & size)];
            }

            return;
        }

        for (long i = 0; i < count; i++, data += placeStride)
        {
            long index = indices[i];
            output[i] = data[(index + ((index >> 63) & size)) * axisStride];
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void TakeNarrow<T>(int* indices, long count, long size, T* data, long axisStride, long placeStride, T* output)
        where T : unmanaged
    {
        for (long i = 0; i < count; i++, data += placeStride)
        {
            long index = indices[i];
            output[i] = data[(index + ((index >> 63) & size)) * axisStride];
        }
    }

    // Whole vectors and the rest: the least and the greatest element decide.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static bool AreInside<T>(T* indices, long count, long size)
        where T : unmanaged, IBinaryInteger<T>
    {
        T least = T.Zero;
        T greatest = T.Zero;
        long i = 0;
        if (count >= Vector<T>.Count)
        {
            Vector<T> low = Vector<T>.Zero;
            Vector<T> high = Vector<T>.Zero;
            for (; i <= count - Vector<T>.Count; i += Vector<T>.Count)
            {
                Vector<T> values = Vector.Load(indices + i);
                low = Vector.Min(low, values);
                high = Vector.Max(high, values);
            }

            for (int k = 0; k < Vector<T>.Count; k++)
            {
                least = T.Min(least, low[k]);
                greatest = T.Max(greatest, high[k]);
            }
        }

        for (; i < count; i++)
        {
            least = T.Min(least, indices[i]);
            greatest = T.Max(greatest, indices[i]);
        }

        return count == 0 || (long.CreateChecked(least) >= -size && long.CreateChecked(greatest) < size);
    }

    /// <summary>Throws unless <paramref name="index"/> is one into <paramref name="size"/> elements.</summary>
    /// <exception cref="InvalidInputException">It is not.</exception>
    public static void CheckOne(KernelContext context, long index, long size)
    {
        if (index < -size || index >= size)
        {
            throw new InvalidInputException($"{context.Call.OperatorType} '{context.Call.NodeName}': the index {index} is outside of a dimension of {size} elements.");
        }
    }
}
