using System.Numerics;
using System.Numerics.Tensors;
using System.Runtime.CompilerServices;
using OnnxStream.Interop.Bindings;
using OnnxStream.Interop.Native;
using OnnxStream.Interop.Tensors;

namespace OnnxStream.Interop.Kernels;

/// <summary>Attention of a few queries to a cache, which it extends where it lies.</summary>
/// <remarks>
/// With one query for each head there is nothing to pack keys or values for: every number of the cache is used once, and the time is that of reading it. Heads are
/// shared among threads; the queries of a head that serve the same keys follow each other, so that the keys come from the processor's cache. The many queries of
/// a prompt are computed in tiles, as in <see cref="AttentionKernel"/>, with keys and values of as many heads packed at a time as there are workers.
/// Where a cache is stored in fewer bits, new rows are rounded once, when they are written, and rows that are read are expanded in the processor's cache: some at a
/// time, for all queries that see them.
/// Inputs of the step: queries [B,H,T,D], new keys [B,G,T,D], new values [B,G,T,E], biases. Outputs: [B,H,T,E], the cache of keys, the cache of values.
/// </remarks>
internal sealed unsafe class CachedAttentionKernel : Kernel, IParallelBody
{
    private const int KeysAtOnce = 4;

    // From there on packing the cache pays.
    private const int FewestTiledQueries = 8;

    // Numbers that are expanded at a time: they stay in the first cache with the queries.
    private const int ExpandedAtOnce = 4096;

    private readonly int _heads;
    private readonly int _group;
    private readonly int _queries;
    private readonly int _added;
    private readonly CacheGeometry _keys;
    private readonly CacheGeometry _values;
    private readonly float _scale;
    private readonly BiasSteps[] _biases;
    private readonly WorkerSlots _slots;
    private readonly int _workers;
    private readonly int _tileRows;
    private readonly int _queryTiles;
    private readonly Packing? _packing;
    private readonly Tiles? _tiles;

    // Heads of queries that one thread computes together, because their keys and values are expanded once for them.
    private readonly int _headsTogether = 1;
    private readonly int _expandedRows;

    // The packed keys and values of a head that has some of its own, of as many as are computed at once.
    private readonly ScratchPart _unitPart;
    private readonly ScratchPart _keyPart;
    private readonly ScratchPart _valuePart;
    private readonly ScratchPart _groupPart;

    // Of each worker: the scores of a query, or of all that it computes together and the rows that are expanded for them; or the memory of a tile and what is added to its scores.
    private readonly ScratchPart _workerPart;
    private readonly ScratchPart _rowPart;
    private readonly ScratchPart _expandedPart;
    private readonly ScratchPart _tilePart;
    private readonly ScratchPart _maskPart;
    private KernelContext? _context;
    private int _firstUnit;

    /// <summary>Makes the kernel.</summary>
    /// <param name="query">The shape of the queries.</param>
    /// <param name="added">The rows of each head that are new.</param>
    /// <param name="keys">The cache of keys with them.</param>
    /// <param name="values">The cache of values with them.</param>
    /// <param name="biases">The shapes of what is added to the products.</param>
    /// <param name="scale">The factor on the products.</param>
    /// <param name="workers">The threads.</param>
    public CachedAttentionKernel(Shape query, long added, CacheGeometry keys, CacheGeometry values, Shape[] biases, float scale, WorkerPool workers)
    {
        _heads = checked((int)(query[0] * query[1]));
        _group = _heads / keys.Heads;
        _queries = checked((int)query[2]);
        _added = checked((int)added);
        _keys = keys;
        _values = values;
        _scale = scale;
        _biases = Array.ConvertAll(biases, bias => new BiasSteps(bias, query[1]));
        _workers = workers.WorkerCount;
        _slots = new WorkerSlots(_workers);
        ScratchLayout worker = new();
        if (_queries < FewestTiledQueries)
        {
            if (IsExpanded)
            {
                int size = Math.Max(_keys.Size, _values.Size);
                _headsTogether = _keys.Heads >= _workers ? _group : 1;
                _expandedRows = Math.Max(KeysAtOnce, ExpandedAtOnce / size / KeysAtOnce * KeysAtOnce);
                _expandedPart = worker.Add((long)_expandedRows * size * sizeof(float));
            }

            _rowPart = worker.Add((long)(IsExpanded ? _headsTogether * _queries : 1) * _keys.Rows * sizeof(float));
            _workerPart = new ScratchLayout().Add(worker.Bytes, _workers);
            ScratchBytes = _workers * worker.Bytes;
            return;
        }

        _tileRows = AttentionTile.Rows;
        _queryTiles = (_queries + _tileRows - 1) / _tileRows;
        _packing = new Packing(this);
        _tiles = new Tiles(this);
        ScratchLayout unit = new();
        _keyPart = unit.Add((long)AttentionTile.Filled(_keys.Rows) * _keys.Size * sizeof(float));
        _valuePart = unit.Add((long)_values.Rows * AttentionTile.Filled(_values.Size) * sizeof(float));
        _groupPart = unit.Add(_keys.Format.IsSingle ? 0 : (long)AttentionTile.Group * _keys.Size * sizeof(float));
        _tilePart = worker.Add(AttentionTile.ScratchBytes(_keys.Size, _values.Size));
        _maskPart = worker.Add(_biases.Length == 0 ? 0 : (long)_tileRows * _keys.Rows * sizeof(float));
        ScratchLayout layout = new();
        _unitPart = layout.Add(unit.Bytes, UnitsAtOnce);
        _workerPart = layout.Add(worker.Bytes, _workers);
        ScratchBytes = layout.Bytes;
    }

    /// <summary>Whether a query that biases hide all keys from gets zeros; otherwise NaN.</summary>
    public bool EmptyRowsAreZero { get; init; }

    /// <inheritdoc/>
    public override string Name => "cached attention";

    /// <inheritdoc/>
    public override long Flops => 2L * _heads * _queries * _keys.Rows * (_keys.Size + _values.Size);

    /// <inheritdoc/>
    public override long ScratchBytes { get; }

    private int UnitsAtOnce => Math.Min(_keys.Heads, _workers);

    private bool IsExpanded => !_keys.Format.IsSingle || !_values.Format.IsSingle;

    /// <inheritdoc/>
    public override void Run(KernelContext context)
    {
        Append(_keys, (float*)context.Input(1), context.Output(1));
        Append(_values, (float*)context.Input(2), context.Output(2));
        _context = context;
        if (_tiles is null)
        {
            context.Workers.Parallelize(this, _heads / _headsTogether, Flops);
        }
        else
        {
            for (_firstUnit = 0; _firstUnit < _keys.Heads; _firstUnit += UnitsAtOnce)
            {
                context.CancellationToken.ThrowIfCancellationRequested();
                int count = Math.Min(UnitsAtOnce, _keys.Heads - _firstUnit);
                context.Workers.Parallelize(_packing!, 2 * count, (long)count * _keys.Rows * (_keys.Size + _values.Size));
                context.Workers.Parallelize(_tiles, count * _group * _queryTiles, Flops);
            }
        }

        _context = null;
    }

    /// <inheritdoc/>
    public void Execute(int index)
    {
        int slot = _slots.Acquire();
        try
        {
            byte* memory = _workerPart.In(_context!.Scratch, slot);
            float* scores = (float*)_rowPart.In(memory);
            if (IsExpanded)
            {
                AttendExpanded(index * _headsTogether, scores, (float*)_expandedPart.In(memory));
                return;
            }

            for (int query = 0; query < _queries; query++)
            {
                long row = (long)index * _queries + query;
                Attend(index, query, (float*)_context.Input(0) + row * _keys.Size, scores, (float*)_context.Output(0) + row * _values.Size);
            }
        }
        finally
        {
            _slots.Release(slot);
        }
    }

    private void Append(CacheGeometry cache, float* added, byte* all)
    {
        for (int head = 0; head < cache.Heads; head++, added += (long)_added * cache.Size)
        {
            cache.Format.RoundRows(added, all + cache.Row(head, cache.Rows - _added), _added, cache.Size, cache.RowBytes);
        }
    }

    // The queries of heads that share keys, which follow each other.
    private void AttendExpanded(int head, float* scores, float* expanded)
    {
        KernelContext context = _context!;
        int rows = _keys.Rows;
        int count = _headsTogether * _queries;
        long first = (long)head * _queries;
        float* queries = (float*)context.Input(0) + first * _keys.Size;
        float* output = (float*)context.Output(0) + first * _values.Size;
        byte* keys = context.Output(1) + _keys.Row(head / _group, 0);
        byte* values = context.Output(2) + _values.Row(head / _group, 0);
        for (int key = 0; key < rows; key += _expandedRows)
        {
            int some = Math.Min(_expandedRows, rows - key);
            _keys.Format.ExpandRows(keys + key * _keys.RowBytes, expanded, some, _keys.Size);
            for (int i = 0; i < count; i++)
            {
                Score(queries + (long)i * _keys.Size, expanded, some, scores + (long)i * rows + key);
            }
        }

        for (int i = 0; i < count; i++)
        {
            Span<float> all = new(scores + (long)i * rows, rows);
            AddBiases(head + i / _queries, i % _queries, all);
            float maximum = TensorPrimitives.Max<float>(all);
            if (EmptyRowsAreZero && float.IsNegativeInfinity(maximum))
            {
                all.Clear();
                continue;
            }

            TensorPrimitives.Multiply(all, 1 / Exponentials(scores + (long)i * rows, rows, maximum), all);
        }

        new Span<float>(output, count * _values.Size).Clear();
        for (int key = 0; key < rows; key += _expandedRows)
        {
            int some = Math.Min(_expandedRows, rows - key);
            _values.Format.ExpandRows(values + key * _values.RowBytes, expanded, some, _values.Size);
            for (int i = 0; i < count; i++)
            {
                Mix(scores + (long)i * rows + key, expanded, some, output + (long)i * _values.Size);
            }
        }
    }

    private void Attend(int head, int query, float* queries, float* scores, float* output)
    {
        int rows = _keys.Rows;
        Score(queries, (float*)(_context!.Output(1) + _keys.Row(head / _group, 0)), rows, scores);
        Span<float> all = new(scores, rows);
        AddBiases(head, query, all);

        // NaN is the maximum of everything, and makes the whole row NaN, as it should.
        float maximum = TensorPrimitives.Max<float>(all);
        Span<float> result = new(output, _values.Size);
        if (EmptyRowsAreZero && float.IsNegativeInfinity(maximum))
        {
            result.Clear();
            return;
        }

        float sum = Exponentials(scores, rows, maximum);
        result.Clear();
        Mix(scores, (float*)(_context.Output(2) + _values.Row(head / _group, 0)), rows, output);
        TensorPrimitives.Multiply(result, 1 / sum, result);
    }

    private void AddBiases(int head, int query, Span<float> scores)
    {
        for (int i = 0; i < _biases.Length; i++)
        {
            BiasSteps steps = _biases[i];
            float* bias = (float*)_context!.Input(3 + i) + steps.Offset(head, query);
            if (steps.Key == 0)
            {
                TensorPrimitives.Add(scores, *bias, scores);
            }
            else
            {
                TensorPrimitives.Add(scores, new ReadOnlySpan<float>(bias, scores.Length), scores);
            }
        }
    }

    // Products of a query with keys, times the scale.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void Score(float* query, float* keys, int count, float* scores)
    {
        int size = _keys.Size;
        int whole = size - size % Vector<float>.Count;
        int key = 0;
        for (; key + KeysAtOnce <= count; key += KeysAtOnce)
        {
            float* first = keys + (long)key * size;
            float* second = first + size;
            float* third = second + size;
            float* fourth = third + size;
            (Vector<float> a, Vector<float> b, Vector<float> c, Vector<float> d) = (Vector<float>.Zero, Vector<float>.Zero, Vector<float>.Zero, Vector<float>.Zero);
            for (int i = 0; i < whole; i += Vector<float>.Count)
            {
                Vector<float> q = Vector.Load(query + i);
                a = Vector.FusedMultiplyAdd(q, Vector.Load(first + i), a);
                b = Vector.FusedMultiplyAdd(q, Vector.Load(second + i), b);
                c = Vector.FusedMultiplyAdd(q, Vector.Load(third + i), c);
                d = Vector.FusedMultiplyAdd(q, Vector.Load(fourth + i), d);
            }

            (float w, float x, float y, float z) = (Vector.Sum(a), Vector.Sum(b), Vector.Sum(c), Vector.Sum(d));
            for (int i = whole; i < size; i++)
            {
                w += query[i] * first[i];
                x += query[i] * second[i];
                y += query[i] * third[i];
                z += query[i] * fourth[i];
            }

            (scores[key], scores[key + 1], scores[key + 2], scores[key + 3]) = (w * _scale, x * _scale, y * _scale, z * _scale);
        }

        for (; key < count; key++)
        {
            scores[key] = _scale * TensorPrimitives.Dot(new ReadOnlySpan<float>(query, size), new ReadOnlySpan<float>(keys + (long)key * size, size));
        }
    }

    // Turns scores into e^(score - maximum), and returns the sum.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static float Exponentials(float* scores, int count, float maximum)
    {
        Vector<float> sums = Vector<float>.Zero;
        Vector<float> most = new(maximum);
        int whole = count - count % Vector<float>.Count;
        for (int i = 0; i < whole; i += Vector<float>.Count)
        {
            Vector<float> exponential = VectorMath.Exp(Vector.Load(scores + i) - most);
            exponential.Store(scores + i);
            sums += exponential;
        }

        float sum = Vector.Sum(sums);
        for (int i = whole; i < count; i++)
        {
            scores[i] = MathF.Exp(scores[i] - maximum);
            sum += scores[i];
        }

        return sum;
    }

    // Adds values, each times its weight.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void Mix(float* weights, float* values, int count, float* output)
    {
        int size = _values.Size;
        int whole = size - size % Vector<float>.Count;
        int key = 0;
        for (; key + KeysAtOnce <= count; key += KeysAtOnce)
        {
            float* first = values + (long)key * size;
            float* second = first + size;
            float* third = second + size;
            float* fourth = third + size;
            (float w, float x, float y, float z) = (weights[key], weights[key + 1], weights[key + 2], weights[key + 3]);
            (Vector<float> a, Vector<float> b, Vector<float> c, Vector<float> d) = (new(w), new(x), new(y), new(z));
            for (int i = 0; i < whole; i += Vector<float>.Count)
            {
                Vector<float> sum = Vector.FusedMultiplyAdd(a, Vector.Load(first + i), Vector.Load(output + i));
                Vector<float> other = Vector.FusedMultiplyAdd(c, Vector.Load(third + i), b * Vector.Load(second + i));
                (sum + Vector.FusedMultiplyAdd(d, Vector.Load(fourth + i), other)).Store(output + i);
            }

            for (int i = whole; i < size; i++)
            {
                output[i] += w * first[i] + x * second[i] + (y * third[i] + z * fourth[i]);
            }
        }

        for (; key < count; key++)
        {
            TensorPrimitives.MultiplyAdd(new ReadOnlySpan<float>(values + (long)key * size, size), weights[key], new ReadOnlySpan<float>(output, size), new Span<float>(output, size));
        }
    }

    // Keys or values of a head.
    private sealed class Packing(CachedAttentionKernel kernel) : IParallelBody
    {
        public void Execute(int index)
        {
            (int unit, int part) = Math.DivRem(index, 2);
            KernelContext context = kernel._context!;
            int head = kernel._firstUnit + unit;
            byte* memory = kernel._unitPart.In(context.Scratch, unit);
            if (part == 0)
            {
                PackKeys(context.Output(1) + kernel._keys.Row(head, 0), (float*)kernel._groupPart.In(memory), (float*)kernel._keyPart.In(memory));
                return;
            }

            int size = kernel._values.Size;
            int columns = AttentionTile.Filled(size);
            RowFormat format = kernel._values.Format;
            byte* values = context.Output(2) + kernel._values.Row(head, 0);
            float* packed = (float*)kernel._valuePart.In(memory);
            for (int row = 0; row < kernel._values.Rows; row++, values += kernel._values.RowBytes, packed += columns)
            {
                format.Expand(values, packed, size);
                new Span<float>(packed + size, columns - size).Clear();
            }
        }

        private void PackKeys(byte* keys, float* expanded, float* packed)
        {
            (int rows, int size) = (kernel._keys.Rows, kernel._keys.Size);
            if (kernel._keys.Format.IsSingle)
            {
                AttentionTile.PackKeys((float*)keys, size, rows, size, packed);
                return;
            }

            for (int first = 0; first < rows; first += AttentionTile.Group, packed += AttentionTile.Group * size)
            {
                int real = Math.Min(AttentionTile.Group, rows - first);
                kernel._keys.Format.ExpandRows(keys + first * kernel._keys.RowBytes, expanded, real, size);
                AttentionTile.PackKeys(expanded, size, real, size, packed);
            }
        }
    }

    private sealed class Tiles(CachedAttentionKernel kernel) : IParallelBody
    {
        public void Execute(int index)
        {
            (int head, int tile) = Math.DivRem(index, kernel._queryTiles);
            int unit = head / kernel._group;
            int first = tile * kernel._tileRows;
            int slot = kernel._slots.Acquire();
            try
            {
                Run(kernel._workerPart.In(kernel._context!.Scratch, slot), unit, kernel._firstUnit * kernel._group + head, first, Math.Min(kernel._tileRows, kernel._queries - first));
            }
            finally
            {
                kernel._slots.Release(slot);
            }
        }

        private void Run(byte* memory, int unit, int head, int first, int rows)
        {
            KernelContext context = kernel._context!;
            long row = (long)head * kernel._queries + first;
            byte* packed = kernel._unitPart.In(context.Scratch, unit);
            onnxstream_attention attention = new()
            {
                rows = (nuint)rows,
                keys = (nuint)kernel._keys.Rows,
                depth = (nuint)kernel._keys.Size,
                value_depth = (nuint)kernel._values.Size,
                scale = kernel._scale,
                empty_rows_are_zero = kernel.EmptyRowsAreZero ? 1 : 0,
                queries = (float*)context.Input(0) + row * kernel._keys.Size,
                query_stride = (nuint)kernel._keys.Size,
                keys_packed = (float*)kernel._keyPart.In(packed),
                values_packed = (float*)kernel._valuePart.In(packed),
                scratch = (float*)kernel._tilePart.In(memory),
                output = (float*)context.Output(0) + row * kernel._values.Size,
                output_stride = (nuint)kernel._values.Size,
            };
            if (kernel._biases.Length > 0)
            {
                attention.mask = (float*)kernel._maskPart.In(memory);
                attention.mask_stride = (nuint)kernel._keys.Rows;
                for (int i = 0; i < rows; i++)
                {
                    Span<float> mask = new(attention.mask + (long)i * kernel._keys.Rows, kernel._keys.Rows);
                    mask.Clear();
                    kernel.AddBiases(head, first + i, mask);
                }
            }

            Abi.onnxstream_attention_tile(&attention);
        }
    }

    // Elements from one batch, head, query and key to the next in a bias; 0 where it has only one.
    private readonly struct BiasSteps
    {
        private readonly long _heads;
        private readonly long _batch;
        private readonly long _head;
        private readonly long _query;

        public BiasSteps(Shape shape, long heads)
        {
            long[] sizes = [.. Enumerable.Repeat(1L, 4 - shape.Rank), .. shape.Dimensions];
            _heads = heads;
            Key = sizes[3] == 1 ? 0 : 1;
            _query = sizes[2] == 1 ? 0 : sizes[3];
            _head = sizes[1] == 1 ? 0 : sizes[2] * sizes[3];
            _batch = sizes[0] == 1 ? 0 : sizes[1] * sizes[2] * sizes[3];
        }

        public long Key { get; }

        public long Offset(int head, int query) => head / _heads * _batch + head % _heads * _head + query * _query;
    }
}
