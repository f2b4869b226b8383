using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using OnnxStream.Interop.Native;
using OnnxStream.Interop.Panels;
using OnnxStream.Interop.Tensors;

namespace OnnxStream.Interop.Kernels;

/// <summary>What is added to the scores before the softmax.</summary>
internal enum AttentionMask
{
    /// <summary>Nothing.</summary>
    None,

    /// <summary>A number for each key.</summary>
    PerKey,

    /// <summary>A number for each query and key.</summary>
    PerQueryAndKey,
}

/// <summary>How the tensors of an attention are stored: in single precision or in half. Computed is in single precision.</summary>
/// <param name="Query">Queries.</param>
/// <param name="Key">Keys.</param>
/// <param name="Value">Values.</param>
/// <param name="Output">Results.</param>
internal readonly record struct AttentionTypes(ElementType Query, ElementType Key, ElementType Value, ElementType Output);

/// <summary>Attention in tiles of queries and keys that stay in the cache; the scores of a whole layer never exist.</summary>
/// <remarks>
/// For a tile, XNNPACK multiplies Q with K' and the weights with V; in between, the softmax is kept up from tile to tile
/// (Milakov and Gimelshein, arXiv 1805.02867; Dao et al., arXiv 2205.14135). Keys and values of as many heads as there are
/// workers are packed at a time. Scores reach e^x as scale * s - maximum, so that no tile can overflow.
/// Inputs of the step: Q [B,T,H*D], K [B,S,H*D], V [B,S,H*E], then the mask if there is one. Where several heads share keys and values, K and V
/// have fewer heads; with one head, fewer matrices.
/// </remarks>
internal sealed unsafe class AttentionKernel : Kernel
{
    // A multiple of the row tiles (5, 7) of XNNPACK's GEMM kernels; the scores of a tile fit the cache of one core.
    private const int QueryTile = 70;
    private const int KeyTile = 1024;

    // A fused product less the maximum has what the maximum lost when it was rounded. Of larger scores, that is no small number.
    private const float LargestFusedScore = 1 << 14;

    // Keys and values are computed in every run: what is packed of them has the precision of the products.
    private static readonly PanelFormat s_format = PanelFormats.Default;

    private readonly int _batch;
    private readonly int _heads;
    private readonly int _group;
    private readonly int _sharedHeads;
    private readonly int _queries;
    private readonly int _keys;
    private readonly int _depth;
    private readonly int _valueDepth;
    private readonly float _scale;
    private readonly AttentionMask _mask;
    private readonly AttentionTypes _types;
    private readonly int _workers;
    private readonly int _keyTiles;
    private readonly int _queryTiles;
    private readonly long _packedKeyBytes;
    private readonly long _packedValueBytes;
    private readonly int _lastTile;
    private readonly Products?[] _products;
    private readonly WorkerSlots _slots;
    private readonly Packing _packing;
    private readonly Tiles _tiles;
    private readonly MatrixProduct _scores;
    private readonly MatrixProduct _sums;
    private readonly MatrixProduct _lastSums;

    // The packed keys and values of a head, and of all heads at once.
    private readonly ScratchPart _unitPart;
    private readonly ScratchPart _keyPart;
    private readonly ScratchPart _valuePart;

    // Of each worker: a slot for the weights cache, queries if they are expanded, the scores of a tile or what is packed, the products of a
    // tile with V, their sum, maximum and total of each row.
    private readonly ScratchPart _workerPart;
    private readonly ScratchPart _packPart;
    private readonly ScratchPart _queryPart;
    private readonly ScratchPart _scorePart;
    private readonly ScratchPart _productPart;
    private readonly ScratchPart _sumPart;
    private readonly ScratchPart _rowPart;
    private KernelContext? _context;
    private int _firstUnit;

    /// <summary>Makes the kernel; <paramref name="group"/> heads share keys and values.</summary>
    public AttentionKernel(int batch, int heads, int queries, int keys, int depth, int valueDepth, float scale, AttentionMask mask, WorkerPool workers, AttentionTypes types = default, int group = 1)
    {
        _batch = batch;
        _heads = heads;
        _group = group;
        _sharedHeads = heads == 1 ? 1 : heads / group;
        _queries = queries;
        _keys = keys;
        _depth = depth;
        _valueDepth = valueDepth;
        _scale = scale;
        _mask = mask;
        _types = types;
        _workers = workers.WorkerCount;
        _keyTiles = (keys + KeyTile - 1) / KeyTile;
        _queryTiles = (queries + QueryTile - 1) / QueryTile;
        _slots = new WorkerSlots(_workers);
        _packing = new Packing(this);
        _tiles = new Tiles(this);
        int tile = Math.Min(keys, KeyTile);
        _lastTile = keys - (_keyTiles - 1) * KeyTile;
        _scores = new MatrixProduct(depth) { InputStride = QueryStride };
        _sums = new MatrixProduct(tile, IsInputMajor: true);
        _lastSums = new MatrixProduct(_lastTile, IsInputMajor: true);
        (long keyBytes, _) = s_format.Measure(_scores, tile, Name);
        (long valueBytes, _) = s_format.Measure(Sums(tile), valueDepth, Name);
        (_packedKeyBytes, _packedValueBytes) = (CountedMemory.Align(keyBytes), CountedMemory.Align(valueBytes));
        _products = new Products[_workers];
        try
        {
            for (int i = 0; i < _workers; i++)
            {
                Products products = new();
                _products[i] = products;
                products.Scores = PanelOperator.Create(s_format, _scores, tile, hasBias: false, Name);
                products.Values = PanelOperator.Create(s_format, Sums(tile), valueDepth, hasBias: false, Name);
                if (_lastTile != tile)
                {
                    products.LastScores = PanelOperator.Create(s_format, _scores, _lastTile, hasBias: false, Name);
                    products.LastValues = PanelOperator.Create(s_format, Sums(_lastTile), valueDepth, hasBias: false, Name);
                }
            }
        }
        catch
        {
            Dispose();
            throw;
        }

        ScratchLayout unit = new();
        _keyPart = unit.Add(_packedKeyBytes, _keyTiles);
        _valuePart = unit.Add(_packedValueBytes, _keyTiles);
        ScratchLayout worker = new();
        _packPart = worker.Add(s_format.PackScratchBytes(_scores, Math.Min(keys, KeyTile)));
        _queryPart = worker.Add(ExpandsQueries ? QueryTile * (long)depth * sizeof(float) : 0);
        _scorePart = worker.Add((long)Math.Max(QueryTile, Math.Max(depth, valueDepth)) * tile * sizeof(float));
        _productPart = worker.Add(QueryTile * (long)valueDepth * sizeof(float));
        _sumPart = worker.Add(QueryTile * (long)valueDepth * sizeof(float));
        _rowPart = worker.Add(2 * QueryTile * sizeof(float));
        ScratchLayout layout = new();
        _unitPart = layout.Add(unit.Bytes, UnitsAtOnce);
        _workerPart = layout.Add(worker.Bytes, _workers);
        ScratchBytes = layout.Bytes;
    }

    /// <summary>Whether a query that the mask hides all keys from gets zeros; otherwise NaN.</summary>
    public bool EmptyRowsAreZero { get; init; }

    /// <inheritdoc/>
    public override string Name => "attention";

    /// <summary>A tile reads the queries of its rows and its head until it writes there.</summary>
    public override bool CanRunInPlace(int input) => input == 0 && _depth == _valueDepth && _types.Query == _types.Output;

    /// <inheritdoc/>
    public override long Flops => 2L * _batch * _heads * _queries * _keys * (_depth + _valueDepth);

    /// <inheritdoc/>
    public override long ScratchBytes { get; }

    // Probabilities times the values of a tile.
    private MatrixProduct Sums(int keys) => keys == _lastTile ? _lastSums : _sums;

    private int UnitsAtOnce => Math.Min(_batch * _heads, _workers);

    // Queries that are stored in half precision are expanded for a tile, side by side.
    private bool ExpandsQueries => !RowFormat.Of(_types.Query).IsSingle;

    private long QueryStride => ExpandsQueries ? _depth : (long)_heads * _depth;

    /// <inheritdoc/>
    public override void Run(KernelContext context)
    {
        _context = context;
        int units = _batch * _heads;
        long operations = (long)UnitsAtOnce * _queries * _keys * (_depth + _valueDepth) / 8;
        for (_firstUnit = 0; _firstUnit < units; _firstUnit += UnitsAtOnce)
        {
            context.CancellationToken.ThrowIfCancellationRequested();
            int count = Math.Min(UnitsAtOnce, units - _firstUnit);
            context.Workers.Parallelize(_packing, count * _keyTiles, operations);
            context.Workers.Parallelize(_tiles, count * _queryTiles, operations);
        }

        _context = null;
    }

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        foreach (Products? products in _products)
        {
            products?.Dispose();
        }

        base.Dispose(disposing);
    }

    private byte* PackedKeys(int unit, int tile) => _keyPart.In(_unitPart.In(_context!.Scratch, unit), tile);

    private byte* PackedValues(int unit, int tile) => _valuePart.In(_unitPart.In(_context!.Scratch, unit), tile);

    private byte* WorkerMemory(int slot) => _workerPart.In(_context!.Scratch, slot);

    // Copies rows of one head, which lie a whole token apart, side by side. "first" and "stride" are numbers of elements.
    private static void Gather(byte* source, ElementType type, long first, long stride, int rows, int columns, float* destination)
    {
        RowFormat format = RowFormat.Of(type);
        for (int row = 0; row < rows; row++)
        {
            format.Expand(source + format.Bytes(first + row * stride), destination + (long)row * columns, columns);
        }
    }

    // The products of one worker: scores of a tile of keys, and their product with values; for the last tile, if it is smaller, too.
    private sealed class Products : IDisposable
    {
        public PanelOperator? Scores { get; set; }

        public PanelOperator? Values { get; set; }

        public PanelOperator? LastScores { get; set; }

        public PanelOperator? LastValues { get; set; }

        public void Dispose()
        {
            Scores?.Dispose();
            Values?.Dispose();
            LastScores?.Dispose();
            LastValues?.Dispose();
        }
    }

    private sealed class Packing(AttentionKernel kernel) : IParallelBody
    {
        public void Execute(int index)
        {
            (int unit, int tile) = Math.DivRem(index, kernel._keyTiles);
            (int batch, int head) = Math.DivRem((kernel._firstUnit + unit) / kernel._group, kernel._sharedHeads);
            int first = tile * KeyTile;
            int count = Math.Min(KeyTile, kernel._keys - first);
            int slot = kernel._slots.Acquire();
            byte* memory = kernel.WorkerMemory(slot);
            float* gathered = (float*)kernel._scorePart.In(memory);
            try
            {
                long keyStride = (long)kernel._sharedHeads * kernel._depth;
                Gather(kernel._context!.Input(1), kernel._types.Key, ((long)batch * kernel._keys + first) * keyStride + head * kernel._depth, keyStride, count, kernel._depth, gathered);
                string node = kernel._context.Call.NodeName;
                s_format.Pack(kernel._scores, count, gathered, null, kernel._packPart.In(memory), kernel.PackedKeys(unit, tile), kernel._packedKeyBytes, node);

                long valueStride = (long)kernel._sharedHeads * kernel._valueDepth;
                Gather(kernel._context.Input(2), kernel._types.Value, ((long)batch * kernel._keys + first) * valueStride + head * kernel._valueDepth, valueStride, count, kernel._valueDepth, gathered);
                s_format.Pack(kernel.Sums(count), kernel._valueDepth, gathered, null, kernel._packPart.In(memory), kernel.PackedValues(unit, tile), kernel._packedValueBytes, node);
            }
            finally
            {
                kernel._slots.Release(slot);
            }
        }
    }

    private sealed class Tiles(AttentionKernel kernel) : IParallelBody
    {
        public void Execute(int index)
        {
            (int unit, int tile) = Math.DivRem(index, kernel._queryTiles);
            (int batch, int head) = Math.DivRem(kernel._firstUnit + unit, kernel._heads);
            int slot = kernel._slots.Acquire();
            try
            {
                Run(kernel._products[slot]!, kernel.WorkerMemory(slot), unit, batch, head, tile * QueryTile, Math.Min(QueryTile, kernel._queries - tile * QueryTile));
            }
            finally
            {
                kernel._slots.Release(slot);
            }
        }

        private void Run(Products products, byte* memory, int unit, int batch, int head, int first, int rows)
        {
            string node = kernel._context!.Call.NodeName;
            int valueDepth = kernel._valueDepth;
            float* expanded = (float*)kernel._queryPart.In(memory);
            float* scores = (float*)kernel._scorePart.In(memory);
            float* product = (float*)kernel._productPart.In(memory);
            float* sum = (float*)kernel._sumPart.In(memory);
            float* maxima = (float*)kernel._rowPart.In(memory);
            float* totals = maxima + QueryTile;
            long queryStride = (long)kernel._heads * kernel._depth;
            long firstQuery = ((long)batch * kernel._queries + first) * queryStride + head * kernel._depth;
            float* queries = (float*)kernel._context.Input(0) + firstQuery;
            if (kernel.ExpandsQueries)
            {
                Gather(kernel._context.Input(0), kernel._types.Query, firstQuery, queryStride, rows, kernel._depth, expanded);
                queries = expanded;
            }

            for (int tile = 0; tile < kernel._keyTiles; tile++)
            {
                int firstKey = tile * KeyTile;
                int keys = Math.Min(KeyTile, kernel._keys - firstKey);
                bool isSmaller = tile == kernel._keyTiles - 1 && products.LastScores is not null;
                (isSmaller ? products.LastScores : products.Scores)!.Multiply(kernel.PackedKeys(unit, tile), rows, queries, scores, node);
                for (int row = 0; row < rows; row++)
                {
                    float* rowScores = scores + (long)row * keys;
                    if (kernel._mask != AttentionMask.None)
                    {
                        float* mask = (float*)kernel._context.Input(3) + firstKey + (kernel._mask == AttentionMask.PerKey ? 0 : (long)(first + row) * kernel._keys);
                        ScaleAndAdd(rowScores, mask, keys, kernel._scale);
                    }

                    float scale = kernel._mask == AttentionMask.None ? kernel._scale : 1;
                    float before = tile == 0 ? float.NegativeInfinity : maxima[row];

                    // Keys that are masked by -infinity have no maximum; any finite one gives zeros instead of NaN. The lowest
                    // number is right for rows that are masked completely with it.
                    float maximum = MathF.Max(Math.Max(before, Extreme(rowScores, keys, scale)), float.MinValue);
                    if (scale != 1 && !(Math.Abs(maximum) < LargestFusedScore))
                    {
                        Scale(rowScores, keys, scale);
                        scale = 1;
                    }

                    float total = Exponentials(rowScores, keys, scale, maximum);
                    float correction = before == maximum ? 1 : MathF.Exp(before - maximum);
                    maxima[row] = maximum;
                    totals[row] = tile == 0 ? total : totals[row] * correction + total;
                    if (tile > 0 && correction != 1)
                    {
                        Scale(sum + (long)row * valueDepth, valueDepth, correction);
                    }
                }

                float* target = tile == 0 ? sum : product;
                (isSmaller ? products.LastValues : products.Values)!.Multiply(kernel.PackedValues(unit, tile), rows, scores, target, node);
                if (tile > 0)
                {
                    Accumulate(product, sum, (long)rows * valueDepth);
                }
            }

            RowFormat output = RowFormat.Of(kernel._types.Output);
            for (int row = 0; row < rows; row++)
            {
                float* result = sum + (long)row * valueDepth;
                Scale(result, valueDepth, totals[row] == 0 && kernel.EmptyRowsAreZero ? 0 : 1 / totals[row]);
                long start = ((long)batch * kernel._queries + first + row) * kernel._heads * valueDepth + head * valueDepth;
                output.Round(result, kernel._context.Output(0) + output.Bytes(start), valueDepth);
            }
        }

        private static void ScaleAndAdd(float* scores, float* mask, int count, float scale)
        {
            int i = 0;
            Vector<float> factor = new(scale);
            for (; i + Vector<float>.Count <= count; i += Vector<float>.Count)
            {
                Vector.FusedMultiplyAdd(Vector.Load(scores + i), factor, Vector.Load(mask + i)).Store(scores + i);
            }

            for (; i < count; i++)
            {
                scores[i] = scores[i] * scale + mask[i];
            }
        }

        // The largest scaled score.
        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        private static float Extreme(float* scores, int count, float scale)
        {
            int i = 0;
            float best = float.NegativeInfinity;
            if (Vector512.IsHardwareAccelerated && count >= 2 * Vector512<float>.Count)
            {
                // Two at a time: a maximum waits for the one before it.
                Vector512<float> factor = Vector512.Create(scale);
                Vector512<float> most0 = Vector512.Create(float.NegativeInfinity);
                Vector512<float> most1 = most0;
                for (; i + 2 * Vector512<float>.Count <= count; i += 2 * Vector512<float>.Count)
                {
                    most0 = Vector512.Max(most0, Vector512.Load(scores + i) * factor);
                    most1 = Vector512.Max(most1, Vector512.Load(scores + i + Vector512<float>.Count) * factor);
                }

                most0 = Vector512.Max(most0, most1);
                for (int k = 0; k < Vector512<float>.Count; k++)
                {
                    best = MathF.Max(best, most0[k]);
                }
            }
            else if (count >= Vector<float>.Count)
            {
                Vector<float> factor = new(scale);
                Vector<float> most = new(float.NegativeInfinity);
                for (; i + Vector<float>.Count <= count; i += Vector<float>.Count)
                {
                    most = Vector.Max(most, Vector.Load(scores + i) * factor);
                }

                for (int k = 0; k < Vector<float>.Count; k++)
                {
                    best = MathF.Max(best, most[k]);
                }
            }

            for (; i < count; i++)
            {
                best = MathF.Max(best, scores[i] * scale);
            }

            return best;
        }

        // Replaces scores by e^(scale * score - maximum) and returns their sum.
        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        private static float Exponentials(float* scores, int count, float scale, float maximum)
        {
            float total = 0;
            if (Vector512.IsHardwareAccelerated)
            {
                int wide = count / Vector512<float>.Count * Vector512<float>.Count;
                total = WideExponentials(scores, wide, scale, maximum);
                scores += wide;
                count -= wide;
            }

            Vector<float> factor = new(scale);
            Vector<float> shift = new(-maximum);
            Vector<float> sum = default;
            int i = 0;
            for (; i + Vector<float>.Count <= count; i += Vector<float>.Count)
            {
                Vector<float> e = VectorMath.Exp(Vector.FusedMultiplyAdd(Vector.Load(scores + i), factor, shift));
                sum += e;
                e.Store(scores + i);
            }

            total += Vector.Sum(sum);
            for (; i < count; i++)
            {
                scores[i] = MathF.Exp(scores[i] * scale - maximum);
                total += scores[i];
            }

            return total;
        }

        // As many numbers as are a multiple of a vector of 512 bits.
        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        private static float WideExponentials(float* scores, int count, float scale, float maximum)
        {
            Vector512<float> factor = Vector512.Create(scale);
            Vector512<float> shift = Vector512.Create(-maximum);
            Vector512<float> sum = default;
            for (int i = 0; i < count; i += Vector512<float>.Count)
            {
                Vector512<float> e = VectorMath.Exp(Vector512.FusedMultiplyAdd(Vector512.Load(scores + i), factor, shift));
                sum += e;
                e.Store(scores + i);
            }

            return Vector512.Sum(sum);
        }

        private static void Scale(float* values, int count, float factor)
        {
            int i = 0;
            Vector<float> factors = new(factor);
            for (; i + Vector<float>.Count <= count; i += Vector<float>.Count)
            {
                (Vector.Load(values + i) * factors).Store(values + i);
            }

            for (; i < count; i++)
            {
                values[i] *= factor;
            }
        }

        private static void Accumulate(float* values, float* sum, long count)
        {
            long i = 0;
            for (; i + Vector<float>.Count <= count; i += Vector<float>.Count)
            {
                (Vector.Load(sum + i) + Vector.Load(values + i)).Store(sum + i);
            }

            for (; i < count; i++)
            {
                sum[i] += values[i];
            }
        }
    }
}
