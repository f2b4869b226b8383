using System.Numerics;
using System.Numerics.Tensors;
using System.Runtime.CompilerServices;

namespace OnnxStream.Interop.Kernels;

/// <summary>Where along a dimension the largest or the smallest element is; where there is NaN, it is that.</summary>
/// <param name="outer">The number of elements in front of the dimension.</param>
/// <param name="length">The length of the dimension, at least 1.</param>
/// <param name="inner">The number of elements behind it.</param>
/// <param name="isMinimum">Whether the smallest element is looked for.</param>
/// <param name="takesLast">Whether the last of equal elements is taken rather than the first.</param>
internal sealed unsafe class ArgExtremumKernel<T>(long outer, long length, long inner, bool isMinimum, bool takesLast) : RowKernel(outer * inner, inner == 1 ? length * sizeof(T) : Math.Max(1, length * sizeof(T) / NarrowLines), inner == 1 ? sizeof(float) : 1)
    where T : unmanaged, INumber<T>
{
    private const int MostLanes = 256;

    // So many lines are one piece at least, where they lie side by side.
    private const int NarrowLines = 16;

    /// <inheritdoc/>
    public override string Name => isMinimum ? "arg min" : "arg max";

    /// <inheritdoc/>
    protected override void ComputeRows(KernelContext context, long first, long end)
    {
        long* output = (long*)context.Output(0);
        for (long row = first; row < end;)
        {
            T* input = (T*)context.Input(0) + row / inner * length * inner + row % inner;
            if (inner == 1)
            {
                output[row] = FindValue(input) is >= 0 and long found ? found : isMinimum ? Minimum(input) : Maximum(input);
                row++;
                continue;
            }

            // Lines side by side are walked together.
            int lanes = (int)Math.Min(MostLanes, Math.Min(end - row, inner - row % inner));
            FindLanes(input, output + row, lanes);
            row += lanes;
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void FindLanes(T* input, long* output, int lanes)
    {
        if (Vector<T>.IsSupported && sizeof(T) is sizeof(int) or sizeof(long) && length <= int.MaxValue)
        {
            int done = 0;
            for (; done + 2 * Vector<T>.Count <= lanes; done += 2 * Vector<T>.Count)
            {
                FindVectors(input + done, output + done);
            }

            if (done == lanes)
            {
                return;
            }

            input += done;
            output += done;
            lanes -= done;
        }

        T* best = stackalloc T[MostLanes];
        new ReadOnlySpan<T>(input, lanes).CopyTo(new Span<T>(best, lanes));
        new Span<long>(output, lanes).Clear();
        bool least = isMinimum;
        bool last = takesLast;
        for (long i = 1; i < length; i++)
        {
            T* values = input + i * inner;
            for (int k = 0; k < lanes; k++)
            {
                T value = values[k];
                if ((least ? value < best[k] : value > best[k]) || (last && value == best[k]) || (T.IsNaN(value) && (last || !T.IsNaN(best[k]))))
                {
                    best[k] = value;
                    output[k] = i;
                }
            }
        }
    }

    // Two vectors of lines side by side. Indices are as wide as the elements.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void FindVectors(T* input, long* output)
    {
        int width = Vector<T>.Count;
        (bool least, bool last, long count, long distance) = (isMinimum, takesLast, length, inner);
        Vector<T> best0 = Vector.Load(input);
        Vector<T> best1 = Vector.Load(input + width);
        Vector<T> found0 = Vector<T>.Zero;
        Vector<T> found1 = Vector<T>.Zero;
        Vector<T> place = Vector<T>.Zero;
        Vector<T> next = sizeof(T) == sizeof(int) ? Vector.As<int, T>(Vector<int>.One) : Vector.As<long, T>(Vector<long>.One);
        for (long i = 1; i < count; i++)
        {
            input += distance;
            place = sizeof(T) == sizeof(int) ? Vector.As<int, T>(Vector.As<T, int>(place) + Vector.As<T, int>(next)) : Vector.As<long, T>(Vector.As<T, long>(place) + Vector.As<T, long>(next));
            Vector<T> value0 = Vector.Load(input);
            Vector<T> value1 = Vector.Load(input + width);
            Vector<T> better0 = IsBetter(value0, best0, least, last);
            Vector<T> better1 = IsBetter(value1, best1, least, last);
            best0 = Vector.ConditionalSelect(better0, value0, best0);
            best1 = Vector.ConditionalSelect(better1, value1, best1);
            found0 = Vector.ConditionalSelect(better0, place, found0);
            found1 = Vector.ConditionalSelect(better1, place, found1);
        }

        for (int k = 0; k < width; k++)
        {
            output[k] = sizeof(T) == sizeof(int) ? Vector.As<T, int>(found0)[k] : Vector.As<T, long>(found0)[k];
            output[width + k] = sizeof(T) == sizeof(int) ? Vector.As<T, int>(found1)[k] : Vector.As<T, long>(found1)[k];
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector<T> IsBetter(Vector<T> value, Vector<T> best, bool isMinimum, bool takesLast)
    {
        Vector<T> better = isMinimum
            ? takesLast ? Vector.LessThanOrEqual(value, best) : Vector.LessThan(value, best)
            : takesLast ? Vector.GreaterThanOrEqual(value, best) : Vector.GreaterThan(value, best);
        if (VectorFolding.HasNaN<T>())
        {
            Vector<T> none = Vector.OnesComplement(Vector.Equals(value, value));
            better |= takesLast ? none : none & Vector.Equals(best, best);
        }

        return better;
    }

    // The extreme value is found in vectors; looking for it stops at the first. -1 where numbers are none.
    private long FindValue(T* input)
    {
        if (length > int.MaxValue)
        {
            return -1;
        }

        ReadOnlySpan<T> values = new(input, (int)length);
        T extreme = isMinimum ? TensorPrimitives.Min(values) : TensorPrimitives.Max(values);
        return takesLast ? VectorSearch.LastIndexOf(input, length, extreme) : VectorSearch.IndexOf(input, length, extreme);
    }

    private long Maximum(T* input)
    {
        T best = *input;
        long found = 0;
        for (long i = 1; i < length; i++)
        {
            T value = input[i];
            if (value > best || (takesLast && value == best) || (T.IsNaN(value) && (takesLast || !T.IsNaN(best))))
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
            T value = input[i];
            if (value < best || (takesLast && value == best) || (T.IsNaN(value) && (takesLast || !T.IsNaN(best))))
            {
                best = value;
                found = i;
            }
        }

        return found;
    }
}
