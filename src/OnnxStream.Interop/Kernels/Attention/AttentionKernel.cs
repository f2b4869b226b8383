using OnnxStream.Interop.Bindings;
using OnnxStream.Interop.Native;
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

/// <summary>Attention in tiles of queries; the scores of a whole layer never exist.</summary>
/// <remarks>
/// A native function computes a tile (<c>native/attention-kernel.inc</c>): queries lie in the lanes of vectors, and each number of a key or a value is
/// multiplied by three vectors of them, so that no depth wastes lanes and nothing is added up across them. The softmax is kept up from one block of keys to
/// the next (Milakov and Gimelshein, arXiv 1805.02867; Dao et al., arXiv 2205.14135). Keys and values of as many heads as there are workers are packed
/// at a time. Scores reach e^x as scale * s - maximum, so that no tile can overflow.
/// Inputs of the step: Q [B,T,H*D], K [B,S,H*D], V [B,S,H*E], then the mask if there is one. Where several heads share keys and values, K and V
/// have fewer heads; with one head, fewer matrices.
/// </remarks>
internal sealed unsafe class AttentionKernel : Kernel
{
    // Keys that one thread packs at a time: a multiple of the group.
    private const int PackedAtOnce = 512;

    private readonly int _batch;
    private readonly int _heads;
    private readonly int _group;
    private readonly int _sharedHeads;
    private readonly int _queries;
    private readonly int _keys;
    private readonly int _depth;
    private readonly int _valueDepth;
    private readonly int _valueColumns;
    private readonly float _scale;
    private readonly AttentionMask _mask;
    private readonly AttentionTypes _types;
    private readonly int _workers;
    private readonly int _tileRows;
    private readonly int _queryTiles;
    private readonly int _packedParts;
    private readonly WorkerSlots _slots;
    private readonly Packing _packing;
    private readonly Tiles _tiles;

    // The packed keys and values of a head, and of all heads at once.
    private readonly ScratchPart _unitPart;
    private readonly ScratchPart _keyPart;
    private readonly ScratchPart _valuePart;

    // Of each worker: the memory of a tile; queries, and results, if they are stored in another format; a group of keys or a value.
    private readonly ScratchPart _workerPart;
    private readonly ScratchPart _tilePart;
    private readonly ScratchPart _queryPart;
    private readonly ScratchPart _resultPart;
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
        _valueColumns = AttentionTile.Filled(valueDepth);
        _scale = scale;
        _mask = mask;
        _types = types;
        _workers = workers.WorkerCount;
        _tileRows = AttentionTile.Rows;
        _queryTiles = (queries + _tileRows - 1) / _tileRows;
        _packedParts = (keys + PackedAtOnce - 1) / PackedAtOnce;
        _slots = new WorkerSlots(_workers);
        _packing = new Packing(this);
        _tiles = new Tiles(this);

        ScratchLayout unit = new();
        _keyPart = unit.Add((long)AttentionTile.Filled(keys) * depth * sizeof(float));
        _valuePart = unit.Add((long)keys * _valueColumns * sizeof(float));
        ScratchLayout worker = new();
        _tilePart = worker.Add(AttentionTile.ScratchBytes(depth, valueDepth));
        _queryPart = worker.Add(ExpandsQueries ? (long)_tileRows * depth * sizeof(float) : 0);
        _resultPart = worker.Add(RoundsResults ? (long)_tileRows * valueDepth * sizeof(float) : 0);
        _rowPart = worker.Add(RowFormat.Of(types.Key).IsSingle ? 0 : (long)AttentionTile.Group * depth * sizeof(float));
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

    private int UnitsAtOnce => Math.Min(_batch * _heads, _workers);

    // Queries that are stored in another format are expanded for a tile, side by side, and results are rounded from one.
    private bool ExpandsQueries => !RowFormat.Of(_types.Query).IsSingle;

    private bool RoundsResults => !RowFormat.Of(_types.Output).IsSingle;

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
            context.Workers.Parallelize(_packing, count * _packedParts, operations);
            context.Workers.Parallelize(_tiles, count * _queryTiles, operations);
        }

        _context = null;
    }

    private float* PackedKeys(int unit) => (float*)_keyPart.In(_unitPart.In(_context!.Scratch, unit));

    private float* PackedValues(int unit) => (float*)_valuePart.In(_unitPart.In(_context!.Scratch, unit));

    // Copies keys of one head into groups: all first numbers of eight keys, all second ones, and so on; and values with zeros behind them.
    private sealed class Packing(AttentionKernel kernel) : IParallelBody
    {
        public void Execute(int index)
        {
            (int unit, int part) = Math.DivRem(index, kernel._packedParts);
            (int batch, int head) = Math.DivRem((kernel._firstUnit + unit) / kernel._group, kernel._sharedHeads);
            int first = part * PackedAtOnce;
            int count = Math.Min(PackedAtOnce, kernel._keys - first);
            KernelContext context = kernel._context!;
            int slot = kernel._slots.Acquire();
            try
            {
                float* rows = (float*)kernel._rowPart.In(kernel._workerPart.In(context.Scratch, slot));
                long token = (long)batch * kernel._keys + first;
                PackKeys(context.Input(1), (token * kernel._sharedHeads + head) * kernel._depth, count, rows, kernel.PackedKeys(unit) + (long)first * kernel._depth);
                PackValues(context.Input(2), (token * kernel._sharedHeads + head) * kernel._valueDepth, count, kernel.PackedValues(unit) + (long)first * kernel._valueColumns);
            }
            finally
            {
                kernel._slots.Release(slot);
            }
        }

        private void PackKeys(byte* keys, long start, int count, float* rows, float* packed)
        {
            RowFormat format = RowFormat.Of(kernel._types.Key);
            int depth = kernel._depth;
            long stride = (long)kernel._sharedHeads * depth;
            if (format.IsSingle)
            {
                AttentionTile.PackKeys((float*)keys + start, stride, count, depth, packed);
                return;
            }

            for (int first = 0; first < count; first += AttentionTile.Group, packed += AttentionTile.Group * depth)
            {
                int real = Math.Min(AttentionTile.Group, count - first);
                for (int i = 0; i < real; i++)
                {
                    format.Expand(keys + format.Bytes(start + (first + i) * stride), rows + i * depth, depth);
                }

                AttentionTile.PackKeys(rows, depth, real, depth, packed);
            }
        }

        private void PackValues(byte* values, long start, int count, float* packed)
        {
            RowFormat format = RowFormat.Of(kernel._types.Value);
            long stride = (long)kernel._sharedHeads * kernel._valueDepth;
            for (int i = 0; i < count; i++)
            {
                format.Expand(values + format.Bytes(start + i * stride), packed, kernel._valueDepth);
                new Span<float>(packed + kernel._valueDepth, kernel._valueColumns - kernel._valueDepth).Clear();
                packed += kernel._valueColumns;
            }
        }
    }

    private sealed class Tiles(AttentionKernel kernel) : IParallelBody
    {
        public void Execute(int index)
        {
            (int unit, int tile) = Math.DivRem(index, kernel._queryTiles);
            int first = tile * kernel._tileRows;
            int slot = kernel._slots.Acquire();
            try
            {
                Run(kernel._workerPart.In(kernel._context!.Scratch, slot), unit, first, Math.Min(kernel._tileRows, kernel._queries - first));
            }
            finally
            {
                kernel._slots.Release(slot);
            }
        }

        private void Run(byte* memory, int unit, int first, int rows)
        {
            KernelContext context = kernel._context!;
            (int batch, int head) = Math.DivRem(kernel._firstUnit + unit, kernel._heads);
            (int depth, int valueDepth) = (kernel._depth, kernel._valueDepth);
            long token = ((long)batch * kernel._queries + first) * kernel._heads + head;
            (long queryStride, long resultStride) = ((long)kernel._heads * depth, (long)kernel._heads * valueDepth);
            RowFormat output = RowFormat.Of(kernel._types.Output);
            onnxstream_attention attention = new()
            {
                rows = (nuint)rows,
                keys = (nuint)kernel._keys,
                depth = (nuint)depth,
                value_depth = (nuint)valueDepth,
                scale = kernel._scale,
                empty_rows_are_zero = kernel.EmptyRowsAreZero ? 1 : 0,
                queries = (float*)context.Input(0) + token * depth,
                query_stride = (nuint)queryStride,
                keys_packed = kernel.PackedKeys(unit),
                values_packed = kernel.PackedValues(unit),
                scratch = (float*)kernel._tilePart.In(memory),
                output = (float*)context.Output(0) + token * valueDepth,
                output_stride = (nuint)resultStride,
            };
            if (kernel._mask != AttentionMask.None)
            {
                attention.mask_stride = kernel._mask == AttentionMask.PerKey ? 0 : (nuint)kernel._keys;
                attention.mask = (float*)context.Input(3) + first * (long)attention.mask_stride;
            }

            if (kernel.ExpandsQueries)
            {
                RowFormat format = RowFormat.Of(kernel._types.Query);
                attention.queries = (float*)kernel._queryPart.In(memory);
                attention.query_stride = (nuint)depth;
                for (int row = 0; row < rows; row++)
                {
                    format.Expand(context.Input(0) + format.Bytes(token * depth + row * queryStride), attention.queries + (long)row * depth, depth);
                }
            }

            if (kernel.RoundsResults)
            {
                attention.output = (float*)kernel._resultPart.In(memory);
                attention.output_stride = (nuint)valueDepth;
            }

            Abi.onnxstream_attention_tile(&attention);
            for (int row = 0; row < rows && kernel.RoundsResults; row++)
            {
                output.Round(attention.output + (long)row * valueDepth, context.Output(0) + output.Bytes(token * valueDepth + row * resultStride), valueDepth);
            }
        }
    }
}
