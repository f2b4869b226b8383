using System.Numerics;
using System.Numerics.Tensors;

namespace OnnxStream.Interop.Kernels;

/// <summary>Where along a dimension the largest or the smallest element is.</summary>
/// <param name="outer">The number of elements in front of the dimension.</param>
/// <param name="length">The length of the dimension, at least 1.</param>
/// <param name="inner">The number of elements behind it.</param>
/// <param name="isMinimum">Whether the smallest element is looked for.</param>
/// <param name="takesLast">Whether the last of equal elements is taken rather than the first.</param>
internal sealed unsafe class ArgExtremumKernel<T>(long outer, long length, long inner, bool isMinimum, bool takesLast) : RowKernel(outer * inner, length * sizeof(T))
    where T : unmanaged, INumber<T>
{
    /// <inheritdoc/>
    public override string Name => isMinimum ? "arg min" : "arg max";

    /// <inheritdoc/>
    protected override void ComputeRows(KernelContext context, long first, long end)
    {
        for (long row = first; row < end; row++)
        {
            T* input = (T*)context.Input(0) + row / inner * length * inner + row % inner;
            ((long*)context.Output(0))[row] = inner == 1 && FindValue(input) is >= 0 and long found ? found : isMinimum ? Minimum(input) : Maximum(input);
        }
    }

    // The extreme value is found in vectors; looking for it stops at the first. -1 where that is not what is wanted, or numbers are none.
    private long FindValue(T* input)
    {
        if (takesLast || length > int.MaxValue)
        {
            return -1;
        }

        ReadOnlySpan<T> values = new(input, (int)length);
        T extreme = isMinimum ? TensorPrimitives.Min(values) : TensorPrimitives.Max(values);
        for (int i = 0; i < values.Length; i++)
        {
            if (values[i] == extreme)
            {
                return i;
            }
        }

        return -1;
    }

    private long Maximum(T* input)
    {
        T best = *input;
        long found = 0;
        for (long i = 1; i < length; i++)
        {
            T value = input[i * inner];
            if (value > best || (takesLast && value == best))
            {
                best = value;
                found = i;
            }
        }

        return found;
    }

    private long Minimum(T* input)
    {
        T best = *input;
        long found = 0;
        for (long i = 1; i < length; i++)
        {
            T value = input[i * inner];
            if (value < best || (takesLast && value == best))
            {
                best = value;
                found = i;
            }
        }

        return found;
    }
}
