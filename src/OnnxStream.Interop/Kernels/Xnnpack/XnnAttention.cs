using System.Numerics;
using OnnxStream.Interop.Bindings;
using OnnxStream.Interop.Kernels.Managed;
using OnnxStream.Interop.Native;
using static OnnxStream.Interop.Bindings.Xnnpack;

namespace OnnxStream.Interop.Kernels.Xnnpack;

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

/// <summary>Attention in tiles of queries and keys that stay in the cache; the scores of a whole layer never exist.</summary>
/// <remarks>
/// For a tile, XNNPACK multiplies Q with K' and the weights with V; in between, the softmax is kept up from tile to tile
/// (Milakov and Gimelshein, arXiv 1805.02867; Dao et al., arXiv 2205.14135). Keys and values of as many heads as there are
/// workers are packed at a time. Scores reach e^x as scale * s - maximum, so that no tile can overflow.
/// Inputs of the step: Q [B,T,H*D], K [B,S,H*D], V [B,S,H*E], then the mask if there is one.
/// </remarks>
internal sealed unsafe class XnnAttention : Kernel
{
    private const int QueryTile = 120; // a multiple of the row tiles (5, 6, 8) of XNNPACK's GEMM kernels, nearly
    private const int KeyTile = 512;

    private readonly int _batch;
    private readonly int _heads;
    private readonly int _queries;
    private readonly int _keys;
    private readonly int _depth;
    private readonly int _valueDepth;
    private readonly float _scale;
    private readonly AttentionMask _mask;
    private readonly int _workers;
    private readonly int _keyTiles;
    private readonly int _queryTiles;
    private readonly long _packedKeyBytes;
    private readonly long _packedValueBytes;
    private readonly WorkerSlots _slots;
    private readonly Packing _packing;
    private readonly Tiles _tiles;
    private KernelContext? _context;
    private int _firstUnit;

    /// <summary>Makes the kernel.</summary>
    public XnnAttention(int batch, int heads, int queries, int keys, int depth, int valueDepth, float scale, AttentionMask mask, WorkerPool workers)
    {
        _batch = batch;
        _heads = heads;
        _queries = queries;
        _keys = keys;
        _depth = depth;
        _valueDepth = valueDepth;
        _scale = scale;
        _mask = mask;
        _workers = workers.WorkerCount;
        _keyTiles = (keys + KeyTile - 1) / KeyTile;
        _queryTiles = (queries + QueryTile - 1) / QueryTile;
        _slots = new WorkerSlots(_workers);
        _packing = new Packing(this);
        _tiles = new Tiles(this);
        int tile = Math.Min(keys, KeyTile);
        _packedKeyBytes = MeasurePacked(depth, tile, transpose: false);
        _packedValueBytes = MeasurePacked(tile, valueDepth, transpose: true);
    }

    /// <inheritdoc/>
    public override string Name => "attention";

    /// <summary>A tile reads the queries of its rows and its head until it writes there.</summary>
    public override bool CanRunInPlace(int input) => input == 0 && _depth == _valueDepth;

    /// <inheritdoc/>
    public override long Flops => 2L * _batch * _heads * _queries * _keys * (_depth + _valueDepth);

    /// <inheritdoc/>
    public override long ScratchBytes => UnitsAtOnce * UnitBytes + _workers * WorkerBytes;

    private int UnitsAtOnce => Math.Min(_batch * _heads, _workers);

    private long UnitBytes => _keyTiles * (_packedKeyBytes + _packedValueBytes);

    // A slot for the weights cache, the scores of a tile, the products of a tile with V, maximum and sum of each row.
    private long WorkerBytes => Align(2 * sizeof(PackedPanelSlot)) + Align((long)Math.Max(QueryTile, Math.Max(_depth, _valueDepth)) * Math.Min(_keys, KeyTile) * sizeof(float)) +
        2 * Align(QueryTile * (long)_valueDepth * sizeof(float)) + Align(2 * QueryTile * sizeof(float));

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

    private static long Align(long bytes) => (bytes + 63) & ~63L;

    private static long MeasurePacked(int inputs, int outputs, bool transpose)
    {
        using NativeBuffer buffer = new(sizeof(PackedPanelSlot));
        PackedPanelSlot* slot = (PackedPanelSlot*)buffer.Pointer;
        PackedPanelSlot.Reset(slot, null, 0);
        xnn_operator* created = null;
        float dummy = 0;
        xnn_status status = xnn_create_fully_connected_nc_f32((nuint)inputs, (nuint)outputs, (nuint)inputs, (nuint)outputs, &dummy, null, float.NegativeInfinity, float.PositiveInfinity, transpose ? (uint)XNN_FLAG_TRANSPOSE_WEIGHTS : 0, null, PackedPanelSlot.Provider(slot), &created);
        return Align(PackedPanelSlot.Required(slot, status, nameof(xnn_create_fully_connected_nc_f32), $"{inputs}x{outputs}"));
    }

    private byte* PackedKeys(int unit, int tile) => _context!.Scratch + unit * UnitBytes + tile * _packedKeyBytes;

    private byte* PackedValues(int unit, int tile) => _context!.Scratch + unit * UnitBytes + _keyTiles * _packedKeyBytes + tile * _packedValueBytes;

    private byte* WorkerMemory(int slot) => _context!.Scratch + UnitsAtOnce * UnitBytes + slot * WorkerBytes;

    // Copies rows of one head, which lie a whole token apart, side by side.
    private static void Gather(float* source, long stride, int rows, int columns, float* destination)
    {
        for (int row = 0; row < rows; row++)
        {
            new ReadOnlySpan<float>(source + row * stride, columns).CopyTo(new Span<float>(destination + (long)row * columns, columns));
        }
    }

    private void Pack(byte* memory, float* weights, int inputs, int outputs, bool transpose, byte* packed, long packedBytes)
    {
        PackedPanelSlot* slot = (PackedPanelSlot*)memory;
        PackedPanelSlot.Reset(slot, packed, (nuint)packedBytes);
        xnn_operator* created = null;
        XnnpackLibrary.Check(
            xnn_create_fully_connected_nc_f32((nuint)inputs, (nuint)outputs, (nuint)inputs, (nuint)outputs, weights, null, float.NegativeInfinity, float.PositiveInfinity, transpose ? (uint)XNN_FLAG_TRANSPOSE_WEIGHTS : 0, null, PackedPanelSlot.Provider(slot), &created),
            nameof(xnn_create_fully_connected_nc_f32), _context!.Step.NodeName);
        _ = xnn_delete_operator(created);
    }

    private void Multiply(byte* memory, byte* packed, long packedBytes, int inputs, int outputs, bool transpose, int rows, float* input, long inputStride, float* output, long outputStride)
    {
        PackedPanelSlot* slot = (PackedPanelSlot*)memory;
        PackedPanelSlot.Reset(slot, packed, (nuint)packedBytes);
        PackedPanelSlot.MarkFilled(slot);
        string node = _context!.Step.NodeName;
        xnn_operator* created = null;
        XnnpackLibrary.Check(
            xnn_create_fully_connected_nc_f32((nuint)inputs, (nuint)outputs, (nuint)inputStride, (nuint)outputStride, (float*)packed, null, float.NegativeInfinity, float.PositiveInfinity, transpose ? (uint)XNN_FLAG_TRANSPOSE_WEIGHTS : 0, null, PackedPanelSlot.Provider(slot), &created),
            nameof(xnn_create_fully_connected_nc_f32), node);
        try
        {
            XnnpackLibrary.Check(xnn_reshape_fully_connected_nc_f32(created, (nuint)rows, null), nameof(xnn_reshape_fully_connected_nc_f32), node);
            XnnpackLibrary.Check(xnn_setup_fully_connected_nc_f32(created, input, output), nameof(xnn_setup_fully_connected_nc_f32), node);
            XnnpackLibrary.Check(xnn_run_operator(created, null), nameof(xnn_run_operator), node);
        }
        finally
        {
            _ = xnn_delete_operator(created);
        }
    }

    private sealed class Packing(XnnAttention kernel) : IParallelBody
    {
        public void Execute(int index)
        {
            (int unit, int tile) = Math.DivRem(index, kernel._keyTiles);
            (int batch, int head) = Math.DivRem(kernel._firstUnit + unit, kernel._heads);
            int first = tile * KeyTile;
            int count = Math.Min(KeyTile, kernel._keys - first);
            int slot = kernel._slots.Acquire();
            byte* memory = kernel.WorkerMemory(slot);
            float* gathered = (float*)(memory + Align(2 * sizeof(PackedPanelSlot)));
            try
            {
                long keyStride = (long)kernel._heads * kernel._depth;
                float* keys = (float*)kernel._context!.Input(1) + ((long)batch * kernel._keys + first) * keyStride + head * kernel._depth;
                Gather(keys, keyStride, count, kernel._depth, gathered);
                kernel.Pack(memory, gathered, kernel._depth, count, transpose: false, kernel.PackedKeys(unit, tile), kernel._packedKeyBytes);

                long valueStride = (long)kernel._heads * kernel._valueDepth;
                float* values = (float*)kernel._context.Input(2) + ((long)batch * kernel._keys + first) * valueStride + head * kernel._valueDepth;
                Gather(values, valueStride, count, kernel._valueDepth, gathered);
                kernel.Pack(memory, gathered, count, kernel._valueDepth, transpose: true, kernel.PackedValues(unit, tile), kernel._packedValueBytes);
            }
            finally
            {
                kernel._slots.Release(slot);
            }
        }
    }

    private sealed class Tiles(XnnAttention kernel) : IParallelBody
    {
        public void Execute(int index)
        {
            (int unit, int tile) = Math.DivRem(index, kernel._queryTiles);
            (int batch, int head) = Math.DivRem(kernel._firstUnit + unit, kernel._heads);
            int slot = kernel._slots.Acquire();
            try
            {
                Run(kernel.WorkerMemory(slot), unit, batch, head, tile * QueryTile, Math.Min(QueryTile, kernel._queries - tile * QueryTile));
            }
            finally
            {
                kernel._slots.Release(slot);
            }
        }

        private void Run(byte* memory, int unit, int batch, int head, int first, int rows)
        {
            int tileKeys = Math.Min(kernel._keys, KeyTile);
            int valueDepth = kernel._valueDepth;
            float* scores = (float*)(memory + Align(2 * sizeof(PackedPanelSlot)));
            float* product = (float*)((byte*)scores + Align((long)Math.Max(QueryTile, Math.Max(kernel._depth, valueDepth)) * tileKeys * sizeof(float)));
            float* sum = (float*)((byte*)product + Align(QueryTile * (long)valueDepth * sizeof(float)));
            float* maxima = (float*)((byte*)sum + Align(QueryTile * (long)valueDepth * sizeof(float)));
            float* totals = maxima + QueryTile;
            long queryStride = (long)kernel._heads * kernel._depth;
            float* queries = (float*)kernel._context!.Input(0) + ((long)batch * kernel._queries + first) * queryStride + head * kernel._depth;
            long outputStride = (long)kernel._heads * valueDepth;
            float* output = (float*)kernel._context.Output(0) + ((long)batch * kernel._queries + first) * outputStride + head * valueDepth;

            for (int tile = 0; tile < kernel._keyTiles; tile++)
            {
                int firstKey = tile * KeyTile;
                int keys = Math.Min(KeyTile, kernel._keys - firstKey);
                kernel.Multiply(memory, kernel.PackedKeys(unit, tile), kernel._packedKeyBytes, kernel._depth, keys, transpose: false, rows, queries, queryStride, scores, keys);
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
                kernel.Multiply(memory, kernel.PackedValues(unit, tile), kernel._packedValueBytes, keys, valueDepth, transpose: true, rows, scores, keys, target, valueDepth);
                if (tile > 0)
                {
                    Accumulate(product, sum, (long)rows * valueDepth);
                }
            }

            for (int row = 0; row < rows; row++)
            {
                float* result = sum + (long)row * valueDepth;
                Scale(result, valueDepth, 1 / totals[row]);
                new ReadOnlySpan<float>(result, valueDepth).CopyTo(new Span<float>(output + row * outputStride, valueDepth));
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
        private static float Extreme(float* scores, int count, float scale)
        {
            int i = 0;
            float best = float.NegativeInfinity;
            if (count >= Vector<float>.Count)
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
        private static float Exponentials(float* scores, int count, float scale, float maximum)
        {
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

            float total = Vector.Sum(sum);
            for (; i < count; i++)
            {
                scores[i] = MathF.Exp(scores[i] * scale - maximum);
                total += scores[i];
            }

            return total;
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
