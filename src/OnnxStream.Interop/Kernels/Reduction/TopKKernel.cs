using System.Numerics;
using System.Runtime.CompilerServices;

namespace OnnxStream.Interop.Kernels;

/// <summary>The k largest or smallest elements of each line along an axis, in order, with their places.</summary>
/// <remarks>
/// Lines whose elements lie behind each other are looked through vector by vector for what is better than the worst of the
/// best elements so far. Few best ones are kept sorted; a look at groups of elements tells beforehand what is too bad. Of many, twice as many are collected as keys that order like them and
/// sorted when there is no more room. Other lines, and those with elements that are no numbers, keep the best ones in a heap whose
/// root is the worst of them, right where the results go; in the end it is sorted. Of equal elements, the first one is better.
/// </remarks>
internal sealed unsafe class TopKKernel<T>(long outer, long size, long inner, long k, bool largest, int workers) : RowKernel(outer * inner, size * sizeof(T))
    where T : unmanaged, INumber<T>
{
    private readonly long _inner = inner;
    private readonly long _size = size;
    private readonly WorkerSlots _slots = new(workers);

    // So many best elements are kept sorted.
    private const int Few = 16;
    private const long ShortLine = 16 << 10;

    // Vectors whose lanes are groups of elements, and how many elements each of them has at least for that to be worth while.
    private const int Groups = 4;
    private const int LinesPerGroup = 4;

    // Where keys are collected: an order in 32 bits, and the index behind it.
    private bool CollectsKeys => _inner == 1 && k > Few && sizeof(T) <= sizeof(int) && typeof(T) != typeof(Half) && _size <= int.MaxValue && k < 1 << 29;

    /// <inheritdoc/>
    public override string Name => "top k";

    /// <inheritdoc/>
    public override long ScratchBytes => CollectsKeys ? KeyCapacity * sizeof(ulong) * workers : 0;

    // Lines that are short enough to be looked through many times.
    private bool SelectsKeys => _size <= ShortLine && 2 * k < _size;

    // In a thread's scratch memory: keys, and behind them the orders of a line.
    private long KeyCapacity => SelectsKeys ? k + (_size + 1) / 2 : Math.Min(2 * k, _size);

    /// <inheritdoc/>
    protected override void ComputeRows(KernelContext context, long first, long end)
    {
        if (_inner != 1 || !(k <= Few || CollectsKeys))
        {
            UseHeap(context, first, end);
            return;
        }

        int slot = CollectsKeys ? _slots.Acquire() : 0;
        ulong* keys = (ulong*)context.Scratch + slot * KeyCapacity;
        for (long row = first; row < end; row++)
        {
            T* line = (T*)context.Input(0) + row * _size;
            T* values = (T*)context.Output(0) + row * k;
            long* indices = (long*)context.Output(1) + row * k;
            if (HasNaN(line))
            {
                UseHeap(context, row, row + 1);
            }
            else if (k <= Few)
            {
                KeepSorted(line, FindLimit(line), values, indices);
            }
            else if (SelectsKeys)
            {
                SelectKeys(line, keys, values, indices);
            }
            else
            {
                CollectKeys(line, keys, values, indices);
            }
        }

        if (CollectsKeys)
        {
            _slots.Release(slot);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private bool HasNaN(T* line)
    {
        if (!VectorFolding.HasNaN<T>())
        {
            // Half precision has no vectors to look through.
            return typeof(T) == typeof(Half);
        }

        long i = 0;
        for (; i <= _size - Vector<T>.Count; i += Vector<T>.Count)
        {
            Vector<T> values = Vector.Load(line + i);
            if (!Vector.EqualsAll(values, values))
            {
                return true;
            }
        }

        for (; i < _size; i++)
        {
            if (T.IsNaN(line[i]))
            {
                return true;
            }
        }

        return false;
    }

    // What the k best elements are not worse than: the k-th best of the best ones of so many groups. Groups are the elements that a lane of some vectors
    // meets. Null if there are not so many.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private T? FindLimit(T* line)
    {
        int width = Vector<T>.IsSupported ? Vector<T>.Count : 1;
        if (!Vector<T>.IsSupported || k > Groups * width || _size < LinesPerGroup * Groups * width)
        {
            return null;
        }

        Vector<T> best0 = Vector.Load(line), best1 = Vector.Load(line + width), best2 = Vector.Load(line + 2 * width), best3 = Vector.Load(line + 3 * width);
        long i = Groups * width;
        for (; i <= _size - Groups * width; i += Groups * width)
        {
            best0 = Better(best0, Vector.Load(line + i));
            best1 = Better(best1, Vector.Load(line + i + width));
            best2 = Better(best2, Vector.Load(line + i + 2 * width));
            best3 = Better(best3, Vector.Load(line + i + 3 * width));
        }

        // The best ones in order, as many as are wanted.
        T* groups = stackalloc T[Groups * width];
        T* sorted = stackalloc T[Few];
        best0.Store(groups);
        best1.Store(groups + width);
        best2.Store(groups + 2 * width);
        best3.Store(groups + 3 * width);
        int count = 0;
        for (int group = 0; group < Groups * width; group++)
        {
            T value = groups[group];
            if (count == k && !(largest ? value > sorted[count - 1] : value < sorted[count - 1]))
            {
                continue;
            }

            count = Math.Min(count + 1, (int)k);
            int place = count - 1;
            for (; place > 0 && (largest ? value > sorted[place - 1] : value < sorted[place - 1]); place--)
            {
                sorted[place] = sorted[place - 1];
            }

            sorted[place] = value;
        }

        return sorted[count - 1];
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private Vector<T> Better(Vector<T> left, Vector<T> right) => largest ? Vector.MaxNative(left, right) : Vector.MinNative(left, right);

    // The best so far in order, the worst at the end. What is worse than the limit is none of them.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void KeepSorted(T* line, T? limit, T* values, long* indices)
    {
        int width = Math.Max(1, Vector<T>.IsSupported ? Vector<T>.Count : 1);
        int count = 0;
        long i = 0;
        for (; count < k;)
        {
            i = limit is { } least ? VectorSearch.SkipWorse(line, i, _size, least, largest) : i;
            long end = Math.Min(i + width, _size);
            for (; i < end && count < k; i++)
            {
                if (limit is not { } reached || (largest ? line[i] >= reached : line[i] <= reached))
                {
                    Insert(line[i], i, values, indices, count++);
                }
            }
        }

        while (i < _size)
        {
            i = VectorSearch.SkipOthers(line, i, _size, values[count - 1], largest);
            long end = Math.Min(i + width, _size);
            for (; i < end; i++)
            {
                if (largest ? line[i] > values[count - 1] : line[i] < values[count - 1])
                {
                    Insert(line[i], i, values, indices, count - 1);
                }
            }
        }
    }

    // Moves what is worse out of the way, from "place" on.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private void Insert(T value, long index, T* values, long* indices, int place)
    {
        for (; place > 0 && (largest ? value > values[place - 1] : value < values[place - 1]); place--)
        {
            values[place] = values[place - 1];
            indices[place] = indices[place - 1];
        }

        values[place] = value;
        indices[place] = index;
    }

    // Of short lines, the order of the worst that is wanted is found bit by bit: as large a one as so many elements reach. No element is moved for that.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void SelectKeys(T* line, ulong* keys, T* values, long* indices)
    {
        int* orders = (int*)keys + 2 * k;
        for (int i = 0; i < _size; i++)
        {
            orders[i] = Order(line[i]);
        }

        uint worst = 0;
        for (uint bit = 1u << 31; bit != 0; bit >>= 1)
        {
            long reached = CountFrom(orders, (int)((worst | bit) ^ 0x80000000));
            worst |= reached >= k ? bit : 0;
            if (reached == k)
            {
                break;
            }
        }

        int least = (int)(worst ^ 0x80000000);
        int count = 0;
        long above = least == int.MaxValue ? 0 : CountFrom(orders, least + 1);
        long equal = k - above;
        for (int i = 0; i < _size && count < k; i++)
        {
            if (orders[i] > least || (orders[i] == least && equal-- > 0))
            {
                keys[count++] = Key(orders[i], i);
            }
        }

        Sort(line, keys, count, values, indices);
    }

    // How many orders are at least so large.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private long CountFrom(int* orders, int least)
    {
        Vector<int> leasts = new(least);
        Vector<int> counts = Vector<int>.Zero;
        long i = 0;
        for (; i <= _size - Vector<int>.Count; i += Vector<int>.Count)
        {
            counts -= Vector.GreaterThanOrEqual(Vector.Load(orders + i), leasts);
        }

        long count = Vector.Sum(counts);
        for (; i < _size; i++)
        {
            count += orders[i] >= least ? 1 : 0;
        }

        return count;
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void CollectKeys(T* line, ulong* keys, T* values, long* indices)
    {
        int capacity = (int)Math.Min(2 * k, _size);
        for (int i = 0; i < capacity; i++)
        {
            keys[i] = Key(Order(line[i]), i);
        }

        int count = capacity;
        for (long i = capacity; i < _size;)
        {
            // What comes now is in the result only if it is better than the worst that was kept.
            new Span<ulong>(keys, count).Sort();
            count = (int)k;
            T limit = line[(uint)keys[count - 1]];
            while (i < _size && count < capacity)
            {
                i = VectorSearch.SkipOthers(line, i, _size, limit, largest);
                long end = Math.Min(i + Math.Max(1, Vector<T>.Count), _size);
                for (; i < end && count < capacity; i++)
                {
                    if (largest ? line[i] > limit : line[i] < limit)
                    {
                        keys[count++] = Key(Order(line[i]), i);
                    }
                }
            }
        }

        Sort(line, keys, count, values, indices);
    }

    private void Sort(T* line, ulong* keys, int count, T* values, long* indices)
    {
        new Span<ulong>(keys, count).Sort();
        for (long i = 0; i < k; i++)
        {
            uint index = (uint)keys[i];
            values[i] = line[index];
            indices[i] = index;
        }
    }

    // The greater, the better.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private int Order(T value)
    {
        int order;
        if (typeof(T) == typeof(float))
        {
            // Zeros of both signs are equal. Negative numbers are in reverse order.
            order = BitConverter.SingleToInt32Bits(float.CreateTruncating(value) + 0f);
            order ^= (order >> 31) & int.MaxValue;
        }
        else
        {
            order = int.CreateTruncating(value) ^ (typeof(T) == typeof(uint) ? int.MinValue : 0);
        }

        return largest ? order : ~order;
    }

    // The lower, the better; of equal elements the first.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static ulong Key(int order, long index) => ((ulong)((uint)~order ^ 0x80000000) << 32) | (uint)index;

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void UseHeap(KernelContext context, long first, long end)
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
