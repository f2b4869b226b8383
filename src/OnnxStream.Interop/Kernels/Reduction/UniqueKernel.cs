namespace OnnxStream.Interop.Kernels;

/// <summary>The different slices along an axis: each once, with the place of its first occurrence, which one each slice is, and how often it occurs.</summary>
/// <remarks>Slices are compared element by element. How many there are is found out in the run.</remarks>
/// <param name="data">The shape; of rank 1 to compare single elements.</param>
/// <param name="axis">The axis.</param>
/// <param name="sorted">Whether the result is in ascending order, otherwise in that of first occurrences.</param>
/// <param name="isNatural">Whether elements compare as their type does by itself.</param>
/// <typeparam name="T">The type of the elements as they lie in memory.</typeparam>
/// <typeparam name="TComparer">How two of them compare.</typeparam>
internal sealed unsafe class UniqueKernel<T, TComparer>(Shape data, int axis, bool sorted, bool isNatural) : Kernel
    where T : unmanaged
    where TComparer : struct, IComparer<T>
{
    private readonly int _count = checked((int)data[axis]);
    private readonly long _outer = data.Product(0, axis);
    private readonly long _inner = data.Product(axis + 1, data.Rank);

    /// <inheritdoc/>
    public override string Name => "unique";

    /// <inheritdoc/>
    public override long ScratchBytes => 3L * _count * sizeof(int) + (SortsElements ? (long)_count * sizeof(T) + sizeof(ulong) : 0);

    // Elements by themselves are sorted directly, in memory behind the rest of the scratch memory.
    private bool SortsElements => isNatural && _outer == 1 && _inner == 1;

    /// <inheritdoc/>
    public override void Run(KernelContext context)
    {
        T* elements = (T*)context.Input(0);
        Span<int> order = new(context.Scratch, _count);
        Span<int> groupStarts = new(context.Scratch + (long)_count * sizeof(int), _count);
        Span<int> ranks = new(context.Scratch + 2L * _count * sizeof(int), _count);
        for (int i = 0; i < _count; i++)
        {
            order[i] = i;
        }

        // Equal slices stand together, the first occurrence in front.
        SliceComparer comparer = new(elements, _outer, _count, _inner);
        if (SortsElements)
        {
            long start = (3L * _count * sizeof(int) + sizeof(ulong) - 1) / sizeof(ulong) * sizeof(ulong);
            SortElements(new ReadOnlySpan<T>(elements, _count), new Span<T>(context.Scratch + start, _count), order, comparer);
        }
        else
        {
            order.Sort(comparer);
        }

        int groups = 0;
        for (int i = 0; i < _count; i++)
        {
            if (i == 0 || comparer.CompareSlices(order[i - 1], order[i]) != 0)
            {
                groupStarts[groups++] = i;
            }
        }

        // ranks[r] is the group that comes out in place r.
        ranks = ranks[..groups];
        for (int i = 0; i < groups; i++)
        {
            ranks[i] = i;
        }

        if (!sorted)
        {
            ranks.Sort(new FirstOccurrenceComparer((int*)context.Scratch, (int*)context.Scratch + _count));
        }

        for (int rank = 0; rank < groups; rank++)
        {
            int start = groupStarts[ranks[rank]];
            int end = ranks[rank] + 1 < groups ? groupStarts[ranks[rank] + 1] : _count;
            CopySlice(elements, order[start], (T*)context.Output(0), rank, groups);
            ((long*)context.Output(1))[rank] = order[start];
            ((long*)context.Output(3))[rank] = end - start;
            for (int i = start; i < end; i++)
            {
                ((long*)context.Output(2))[order[i]] = rank;
            }
        }

        context.SetOutputShape(0, data.With(axis, groups));
        context.SetOutputShape(1, new Shape(groups));
        context.SetOutputShape(3, new Shape(groups));
    }

    private static void SortElements(ReadOnlySpan<T> elements, Span<T> sorted, Span<int> order, SliceComparer comparer)
    {
        elements.CopyTo(sorted);
        sorted.Sort(order);
        for (int start = 0; start < order.Length;)
        {
            int end = start + 1;
            while (end < order.Length && comparer.CompareSlices(order[start], order[end]) == 0)
            {
                end++;
            }

            order[start..end].Sort();
            start = end;
        }
    }

    private void CopySlice(T* elements, long from, T* output, long to, long groups)
    {
        long bytes = _inner * sizeof(T);
        for (long group = 0; group < _outer; group++)
        {
            Buffer.MemoryCopy(elements + (group * _count + from) * _inner, output + (group * groups + to) * _inner, bytes, bytes);
        }
    }

    private readonly struct SliceComparer(T* elements, long outer, long count, long inner) : IComparer<int>
    {
        public int Compare(int x, int y) => CompareSlices(x, y) is not 0 and int order ? order : x.CompareTo(y);

        public int CompareSlices(int x, int y)
        {
            for (long group = 0; group < outer; group++)
            {
                T* a = elements + (group * count + x) * inner;
                T* b = elements + (group * count + y) * inner;
                for (long i = 0; i < inner; i++)
                {
                    if (default(TComparer).Compare(a[i], b[i]) is not 0 and int order)
                    {
                        return order;
                    }
                }
            }

            return 0;
        }
    }

    private readonly struct FirstOccurrenceComparer(int* order, int* groupStarts) : IComparer<int>
    {
        public int Compare(int x, int y) => order[groupStarts[x]].CompareTo(order[groupStarts[y]]);
    }
}
