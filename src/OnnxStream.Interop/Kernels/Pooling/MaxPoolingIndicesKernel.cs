using System.Numerics;
using System.Runtime.CompilerServices;

namespace OnnxStream.Interop.Kernels;

/// <summary>The largest element of each window, or the first NaN, and where in the input it lies: [N, C, …] to the same with the output's spatial dimensions.</summary>
/// <param name="geometry">The windows.</param>
/// <param name="isColumnMajor">Whether positions in a plane are counted with the first spatial dimension innermost.</param>
internal sealed unsafe class MaxPoolingIndicesKernel<T>(PoolingGeometry geometry, bool isColumnMajor)
    : RowKernel(geometry.OutputRows, geometry.Output[2] * geometry.WindowElements * sizeof(T))
    where T : unmanaged, INumber<T>, IMinMaxValue<T>
{
    /// <inheritdoc/>
    public override string Name => "max pooling with indices";

    // Windows of a row that are computed side by side.
    private const int Chunk = 512;

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    protected override void ComputeRows(KernelContext context, long first, long end)
    {
        (long height, long width) = (geometry.Input[1], geometry.Input[2]);
        long* found = stackalloc long[Chunk];
        T* picked = stackalloc T[Chunk];
        for (long row = first; row < end; row++)
        {
            (long rest, long y) = Math.DivRem(row, geometry.Output[1]);
            (long plane, long z) = Math.DivRem(rest, geometry.Output[0]);
            T* input = (T*)context.Input(0) + plane * geometry.InputPlane;
            for (long start = 0; start < geometry.Output[2]; start += Chunk)
            {
                int count = (int)Math.Min(Chunk, geometry.Output[2] - start);
                long index = row * geometry.Output[2] + start;
                T* values = (T*)context.Output(0) + index;
                long* positions = (long*)context.Output(1) + index;
                new Span<T>(values, count).Fill(MaximumReduction<T>.Initial);
                new Span<long>(found, count).Fill(-1);
                Find(input, z, y, start, count, values, found, picked);
                for (int i = 0; i < count; i++)
                {
                    long position = found[i];
                    if (isColumnMajor && position >= 0)
                    {
                        (long line, long column) = Math.DivRem(position, width);
                        (long layer, line) = Math.DivRem(line, height);
                        position = layer + geometry.Input[0] * (line + height * column);
                    }

                    positions[i] = plane * geometry.InputPlane + position;
                }
            }
        }
    }

    // Each element of the windows in turn, for all windows from "start" on.
    private void Find(T* input, long z, long y, long start, int count, T* values, long* found, T* picked)
    {
        bool isVectorized = typeof(T) == typeof(float) && geometry.InputPlane <= int.MaxValue;
        int* places = stackalloc int[Chunk];
        new Span<int>(places, count).Fill(-1);
        (long stride, long width) = (geometry.Strides[2], geometry.Input[2]);
        (long firstY, long endY) = geometry.Inside(1, y);
        (long firstZ, long endZ) = geometry.Inside(0, z);
        for (long kz = firstZ; kz < endZ; kz++)
        {
            for (long ky = firstY; ky < endY; ky++)
            {
                long line = (geometry.Position(0, z, kz) * geometry.Input[1] + geometry.Position(1, y, ky)) * width;
                for (long kx = 0; kx < geometry.Kernel[2]; kx++)
                {
                    // The windows of which this element lies in the input.
                    long position = geometry.Position(2, start, kx);
                    int from = position >= 0 ? 0 : (int)Math.Min(count, (-position + stride - 1) / stride);
                    int to = position >= width ? 0 : (int)Math.Min(count, (width - 1 - position) / stride + 1);
                    if (from >= to)
                    {
                        continue;
                    }

                    position = line + position + from * stride;
                    T* elements = input + position;
                    if (stride > 1)
                    {
                        Pick(elements, stride, picked, to - from);
                        elements = picked;
                    }

                    if (isVectorized)
                    {
                        Choose((float*)elements, (int)position, (int)Math.Min(stride, int.MaxValue), (float*)values + from, places + from, to - from);
                    }
                    else
                    {
                        Choose(elements, position, stride, values + from, found + from, to - from);
                    }
                }
            }
        }

        for (int i = 0; i < count && isVectorized; i++)
        {
            found[i] = places[i];
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Pick(T* elements, long stride, T* picked, int count)
    {
        for (int i = 0; i < count; i++, elements += stride)
        {
            picked[i] = *elements;
        }
    }

    // The first of the largest; before the first element, the place is -1.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Choose(T* elements, long position, long stride, T* values, long* found, int count)
    {
        for (int i = 0; i < count; i++, position += stride)
        {
            T element = elements[i];
            if (found[i] < 0 || element > values[i] || (T.IsNaN(element) && !T.IsNaN(values[i])))
            {
                values[i] = element;
                found[i] = position;
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Choose(float* elements, int position, int stride, float* values, int* places, int count)
    {
        int i = 0;
        Vector<int> positions = new Vector<int>(position) + Vector<int>.Indices * stride;
        for (; i <= count - Vector<float>.Count; i += Vector<float>.Count)
        {
            Vector<float> element = Vector.Load(elements + i);
            Vector<float> value = Vector.Load(values + i);
            Vector<int> place = Vector.Load(places + i);
            Vector<int> isBetter = Vector.GreaterThan(element, value) | Vector.LessThan(place, Vector<int>.Zero) |
                Vector.AndNot(Vector.Equals(value, value), Vector.Equals(element, element));
            Vector.ConditionalSelect(isBetter, element, value).Store(values + i);
            Vector.ConditionalSelect(isBetter, positions, place).Store(places + i);
            positions += new Vector<int>(stride * Vector<int>.Count);
        }

        for (; i < count; i++)
        {
            if (places[i] < 0 || elements[i] > values[i] || (float.IsNaN(elements[i]) && !float.IsNaN(values[i])))
            {
                values[i] = elements[i];
                places[i] = position + i * stride;
            }
        }
    }
}
