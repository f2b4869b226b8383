using System.Numerics.Tensors;
using System.Runtime.CompilerServices;
using OnnxStream.Interop.Native;
using OnnxStream.Interop.Tensors;
using OnnxStream.Interop.Weights;

namespace OnnxStream.Interop.Kernels;

/// <summary>A few rows times a matrix [N, K] whose numbers lie in blocks with their scales, or in half precision: [rows, K] x [N, K]' + [N].</summary>
/// <remarks>
/// <para>
/// The matrix is read where it lies. Some of its rows at a time are taken apart into integers and scales in the processor's cache, and multiplied there as
/// <see cref="QuantizedRowsKernel"/> does it. Offsets are multiplied with sums of the data: one product for each 32 numbers. Rows of other encodings are expanded first.
/// </para>
/// <para>Threads take turns at groups of rows of the matrix, each of which is a range of its own.</para>
/// </remarks>
internal sealed unsafe class EncodedRowsKernel : Kernel, IParallelBody
{
    private const long GroupBytes = 256 << 10;
    private const long PieceBytes = 64 << 10;
    private const int Block = BlockEncoding.NibbleBlock;

    private readonly Constant _weight;
    private readonly BlockEncoding? _encoding;
    private readonly bool _hasBias;
    private readonly long _rows;
    private readonly int _inputs;
    private readonly long _outputs;
    private readonly long _resultStride;
    private readonly int _groupOutputs;
    private readonly int _groupCount;
    private readonly int _pieceOutputs;
    private readonly int _blocks;
    private readonly long _storedRow;
    private readonly long _integerRow;
    private readonly QuantizedDotProduct? _product;
    private readonly WorkerSlots _slots;
    private readonly int _slotCount;
    private readonly WeightRange[] _ranges;
    private readonly ScratchPart _orderedPart;
    private readonly ScratchPart _arrangedPart;
    private readonly ScratchPart _sumsPart;
    private readonly ScratchPart _slotPart;
    private readonly ScratchPart _integersPart;
    private readonly ScratchPart _scalesPart;
    private readonly ScratchPart _offsetsPart;
    private KernelContext[] _sets = [];

    /// <summary>Makes the kernel.</summary>
    /// <param name="weight">The matrix: <see cref="CanCompute"/> must be true for it.</param>
    /// <param name="hasBias">Whether there is a bias, as the second input.</param>
    /// <param name="rows">The rows of data.</param>
    /// <param name="workers">The threads.</param>
    /// <param name="resultStride">Elements from a row of results to the next; 0 where rows lie behind each other.</param>
    public EncodedRowsKernel(Constant weight, bool hasBias, long rows, WorkerPool workers, long resultStride = 0)
    {
        _weight = weight;
        _encoding = weight.Encoding;
        _hasBias = hasBias;
        _rows = rows;
        _outputs = weight.Type.Shape[0];
        _inputs = checked((int)weight.Type.Shape[1]);
        _resultStride = resultStride == 0 ? _outputs : resultStride;
        _blocks = _inputs / Block;
        _storedRow = WeightElements.StoredBytes(weight, _inputs);
        _groupOutputs = (int)Math.Clamp(GroupBytes / _storedRow, 1, _outputs);
        _groupCount = checked((int)((_outputs + _groupOutputs - 1) / _groupOutputs));
        _slotCount = Math.Min(workers.WorkerCount, _groupCount);
        _slots = new WorkerSlots(_slotCount);

        // Scales of fewer than 32 numbers are none that the products know.
        _product = _encoding is { ScaleElements: Block } ? QuantizedDotProduct.Create(_encoding.Integers, _inputs, Block) : null;
        bool isNibbles = _encoding?.Integers == ElementType.UInt4;
        _integerRow = _product is null ? (long)_inputs * sizeof(float) : isNibbles ? _inputs / 2 : _inputs;
        _pieceOutputs = (int)Math.Clamp(PieceBytes / _integerRow, 1, _groupOutputs);

        WeightRange location = weight.Location!.Value;
        _ranges = [.. Enumerable.Range(0, _groupCount).Select(group => location.Slice(group * (long)_groupOutputs * _storedRow, Outputs(group) * _storedRow))];

        ScratchLayout slot = new();
        _integersPart = slot.Add(_pieceOutputs * _integerRow);
        _scalesPart = slot.Add(_product is null ? 0 : (long)_pieceOutputs * _blocks * sizeof(float));
        _offsetsPart = slot.Add(_product is null || !_encoding!.HasOffsets ? 0 : (long)_pieceOutputs * _blocks * sizeof(float));
        ScratchLayout layout = new();
        _orderedPart = layout.Add(isNibbles ? rows * _inputs * sizeof(float) : 0);
        _arrangedPart = layout.Add(_product is null ? 0 : rows * _product.ArrangedBytes);
        _sumsPart = layout.Add(_product is null || !_encoding!.HasOffsets ? 0 : rows * _blocks * sizeof(float));
        _slotPart = layout.Add(slot.Bytes, _slotCount);
        ScratchBytes = layout.Bytes;
    }

    /// <inheritdoc/>
    public override string Name => $"few rows, {_weight.StoredType.ToOnnxName()}";

    /// <inheritdoc/>
    public override long Flops => 2 * _rows * _inputs * _outputs;

    /// <inheritdoc/>
    public override long ScratchBytes { get; }

    /// <inheritdoc/>
    public override IReadOnlyList<WeightRange> StreamedWeights => _ranges;

    /// <inheritdoc/>
    public override long WeightsInUse(WeightMeasure measure) => _slotCount * measure.Streamed(_ranges[0]);

    /// <summary>Whether a matrix [N, K] can be used where it lies: its rows are whole blocks, or numbers of half precision.</summary>
    /// <param name="weight">The matrix.</param>
    public static bool CanCompute(Constant weight) =>
        weight is { Location: not null, Quantization: null, IsChannelsLast: false, Type: { ElementType: ElementType.Float32, Shape: { Rank: 2 } shape } } && shape[1] > 0 && shape[1] % Block == 0 &&
        (weight.Encoding is { } encoding ? shape[1] % encoding.Elements == 0 : weight.StoredType is ElementType.Float16 or ElementType.BFloat16);

    /// <inheritdoc/>
    public override void Run(KernelContext context) => RunSets([context]);

    /// <inheritdoc/>
    public override void RunSets(KernelContext[] sets)
    {
        _sets = sets;
        foreach (KernelContext set in sets)
        {
            if (_product is not null)
            {
                Arrange(set.Scratch, (float*)set.Input(0));
            }
        }

        try
        {
            sets[0].Workers.Parallelize(this, _groupCount, sets.Length * _rows * _inputs * _outputs);
        }
        finally
        {
            _sets = [];
        }
    }

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void Execute(int index)
    {
        // What is made of the matrix lies in the memory of the first set.
        KernelContext context = _sets[0];
        context.CancellationToken.ThrowIfCancellationRequested();
        int slotIndex = _slots.Acquire();
        bool isAcquired = false;
        try
        {
            byte* slot = _slotPart.In(context.Scratch, slotIndex);
            byte* stored = context.AcquireWeight(index);
            isAcquired = true;
            long first = (long)index * _groupOutputs;
            int outputs = Outputs(index);
            for (int done = 0; done < outputs; done += _pieceOutputs)
            {
                int count = Math.Min(_pieceOutputs, outputs - done);
                if (_product is null)
                {
                    MultiplyExpanded(slot, stored + done * _storedRow, first + done, count);
                }
                else
                {
                    Multiply(slot, stored + done * _storedRow, first + done, count);
                }

                AddBias(first + done, count);
            }
        }
        finally
        {
            if (isAcquired)
            {
                context.ReleaseWeight(index);
            }

            _slots.Release(slotIndex);
        }
    }

    private int Outputs(int group) => (int)Math.Min(_groupOutputs, _outputs - (long)group * _groupOutputs);

    // Integers of 4 bits have the first half of a block in the lower halves of bytes, and their products want even and odd ones: the data change places instead.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void Arrange(byte* scratch, float* data)
    {
        float* ordered = data;
        if (_encoding!.Integers == ElementType.UInt4)
        {
            ordered = (float*)_orderedPart.In(scratch);
            for (long block = 0; block < _rows * _blocks; block++)
            {
                float* from = data + block * Block;
                float* to = ordered + block * Block;
                for (int i = 0; i < Block / 2; i++)
                {
                    to[2 * i] = from[i];
                    to[2 * i + 1] = from[i + Block / 2];
                }
            }
        }

        byte* arranged = _arrangedPart.In(scratch);
        for (long row = 0; row < _rows; row++)
        {
            _product!.Arrange(ordered + row * _inputs, arranged + row * _product.ArrangedBytes);
        }

        if (_encoding.HasOffsets)
        {
            float* sums = (float*)_sumsPart.In(scratch);
            for (long block = 0; block < _rows * _blocks; block++)
            {
                sums[block] = TensorPrimitives.Sum(new ReadOnlySpan<float>(data + block * Block, Block));
            }
        }
    }

    private void Multiply(byte* slot, byte* stored, long first, int outputs)
    {
        byte* integers = _integersPart.In(slot);
        float* scales = (float*)_scalesPart.In(slot);
        float* offsets = (float*)_offsetsPart.In(slot);
        _encoding!.Split(stored, (long)outputs * (_inputs / _encoding.Elements), integers, scales, offsets);
        float zeroPoint = _encoding.ZeroPoint;
        foreach (KernelContext set in _sets)
        {
            float* results = (float*)set.Output(0) + first;
            float* data = _encoding.Integers == ElementType.UInt4 ? (float*)_orderedPart.In(set.Scratch) : (float*)set.Input(0);
            _product!.Multiply(new QuantizedPart(
                (nint)integers, _integerRow, outputs, (nint)scales, (nint)(&zeroPoint), 0, (nint)_arrangedPart.In(set.Scratch), (nint)data, _rows, (nint)results, _resultStride));
            float* sums = (float*)_sumsPart.In(set.Scratch);
            for (int output = 0; output < outputs && _encoding.HasOffsets; output++)
            {
                ReadOnlySpan<float> own = new(offsets + (long)output * _blocks, _blocks);
                for (long row = 0; row < _rows; row++)
                {
                    results[row * _resultStride + output] += TensorPrimitives.Dot(own, new ReadOnlySpan<float>(sums + row * _blocks, _blocks));
                }
            }
        }
    }

    private void MultiplyExpanded(byte* slot, byte* stored, long first, int outputs)
    {
        Span<float> numbers = new((float*)_integersPart.In(slot), _inputs);
        for (int output = 0; output < outputs; output++)
        {
            WeightElements.Numbers(_weight, stored + output * _storedRow, numbers);
            foreach (KernelContext set in _sets)
            {
                float* data = (float*)set.Input(0);
                float* results = (float*)set.Output(0) + first + output;
                for (long row = 0; row < _rows; row++)
                {
                    results[row * _resultStride] = TensorPrimitives.Dot(numbers, new ReadOnlySpan<float>(data + row * _inputs, _inputs));
                }
            }
        }
    }

    private void AddBias(long first, int outputs)
    {
        foreach (KernelContext set in _sets)
        {
            float* results = (float*)set.Output(0) + first;
            for (long row = 0; row < _rows && _hasBias; row++)
            {
                Span<float> part = new(results + row * _resultStride, outputs);
                TensorPrimitives.Add(part, new ReadOnlySpan<float>((float*)set.Input(1) + first, outputs), part);
            }
        }
    }
}
