using System.Numerics;
using System.Runtime.CompilerServices;

namespace OnnxStream.Interop.Kernels;

/// <summary>The k largest or smallest elements of each line along an axis, in order, with their places.</summary>
/// <remarks>
/// The best elements so far are kept in a heap whose root is the worst of them, right where the results go; in the end the
/// heap is sorted. Of equal elements, the first one is better.
/// </remarks>
internal sealed unsafe class TopKKernel<T>(long outer, long size, long inner, long k, bool largest) : RowKernel(outer * inner, size * sizeof(T))
    where T : unmanaged, INumber<T>
{
    private readonly long _inner = inner;
    private readonly long _size = size;

    /// <inheritdoc/>
    public override string Name => "top k";

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    protected override void ComputeRows(KernelContext context, long first, long end)
    {
        for (long row = first; row < end; row++)
        {
            (long group, long lane) = Math.DivRem(row, _inner);
            T* line = (T*)context.Input(0) + group * _size * _inner + lane;
            Heap heap = new((T*)context.Output(0) + group * k * _inner + lane, (long*)context.Output(1) + group * k * _inner + lane, _inner, largest);
            for (long i = 0; i < k; i++)
            {
                heap.Set(i, line[i * _inner], i);
            }

            for (long i = k / 2 - 1; i >= 0; i--)
            {
                heap.SiftDown(i, k);
            }

            for (long i = k; i < _size; i++)
            {
                if (_inner == 1)
                {
                    i = VectorSearch.SkipOthers(line, i, _size, heap.Root, largest);
                    if (i == _size)
                    {
                        break;
                    }
                }

                // An equal element further behind is no better than the root.
                if (heap.IsBetterThanRoot(line[i * _inner]))
                {
                    heap.Set(0, line[i * _inner], i);
                    heap.SiftDown(0, k);
                }
            }

            for (long count = k - 1; count > 0; count--)
            {
                heap.Swap(0, count);
                heap.SiftDown(0, count);
            }
        }
    }

    private readonly struct Heap(T* values, long* indices, long stride, bool largest)
    {
        public void Set(long i, T value, long index)
        {
            values[i * stride] = value;
            indices[i * stride] = index;
        }

        public T Root => values[0];

        public bool IsBetterThanRoot(T value) => largest ? value > values[0] : value < values[0];

        public void Swap(long i, long j)
        {
            (values[i * stride], values[j * stride]) = (values[j * stride], values[i * stride]);
            (indices[i * stride], indices[j * stride]) = (indices[j * stride], indices[i * stride]);
        }

        public void SiftDown(long i, long count)
        {
            while (true)
            {
                long worst = i;
                long left = 2 * i + 1;
                if (left < count && IsWorse(left, worst))
                {
                    worst = left;
                }

                if (left + 1 < count && IsWorse(left + 1, worst))
                {
                    worst = left + 1;
                }

                if (worst == i)
                {
                    return;
                }

                Swap(i, worst);
                i = worst;
            }
        }

        private bool IsWorse(long i, long j)
        {
            T a = values[i * stride];
            T b = values[j * stride];
            return a == b ? indices[i * stride] > indices[j * stride] : largest ? a < b : a > b;
        }
    }
}
