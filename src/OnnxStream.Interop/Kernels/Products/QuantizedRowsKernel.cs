using System.Runtime.CompilerServices;
using OnnxStream.Interop.Native;
using OnnxStream.Interop.Tensors;
using OnnxStream.Interop.Weights;

namespace OnnxStream.Interop.Kernels;

/// <summary>A few rows times a quantized matrix [N, K] whose numbers are used where they lie: [rows, K] x [N, K]' + [N].</summary>
/// <remarks>
/// <para>
/// With few rows, the time is that of reading the weight once; packing it first would read and write several times as many bytes. A number of
/// the weight becomes a single-precision one, (q - zero point) · scale as DequantizeLinear has it, in the processor's registers, and is multiplied with the data at once.
/// </para>
/// <para>Threads take turns at groups of rows of the weight, each of which is a range of its own, with its scales and zero points.</para>
/// </remarks>
internal sealed unsafe class QuantizedRowsKernel : Kernel, IParallelBody
{
    /// <summary>More rows than these are computed with packed panels.</summary>
    public const long MostRows = 16;

    // A group of rows of the weight stays in a core's cache while the rows of data pass over it.
    private const long GroupBytes = 512 << 10;
    private const int LeastOutputs = 32;

    private readonly Constant _weight;
    private readonly WeightQuantization _quantization;
    private readonly bool _hasBias;
    private readonly long _rows;
    private readonly long _inputs;
    private readonly long _outputs;
    private readonly long _resultStride;
    private readonly int _groupOutputs;
    private readonly int _groupCount;
    private readonly int _blocks;
    private readonly QuantizedDotProduct _product;
    private readonly WorkerSlots _slots;
    private readonly int _slotCount;
    private readonly WeightRange[] _ranges;

    // For each group, its range of the weight is followed by those of its scales and zero points, where they lie in a file.
    private readonly int _rangesOfGroup;
    private readonly int _expertCount;
    private readonly int _matrixOutputs;
    private readonly ScratchPart _dataPart;
    private readonly ScratchPart _slotPart;
    private readonly ScratchPart _scalesPart;
    private readonly ScratchPart _zeroPointsPart;
    private KernelContext[] _sets = [];

    // Of each set.
    private ExpertRows[] _experts = [];

    /// <summary>Makes the kernel.</summary>
    /// <param name="weight">The matrix: <see cref="CanCompute(Constant)"/> must be true for it.</param>
    /// <param name="hasBias">Whether there is a bias, as the second input.</param>
    /// <param name="rows">The rows of data.</param>
    /// <param name="workers">The threads.</param>
    /// <param name="resultStride">Elements from a row of results to the next; 0 where rows lie behind each other.</param>
    /// <param name="experts">
    /// How many matrices the weight is, behind each other, of equally many output channels (<see cref="CanCompute(Constant, int)"/>). With more than one, the last
    /// input of the step says for each row with which of them it is multiplied, in ascending order.
    /// </param>
    public QuantizedRowsKernel(Constant weight, bool hasBias, long rows, WorkerPool workers, long resultStride = 0, int experts = 1)
    {
        _weight = weight;
        _quantization = weight.Quantization!;
        _hasBias = hasBias;
        _rows = rows;
        _outputs = weight.Type.Shape[0];
        _inputs = weight.Type.Shape[1];
        _expertCount = experts;
        _matrixOutputs = checked((int)(_outputs / experts));
        _resultStride = resultStride == 0 ? _matrixOutputs : resultStride;
        _blocks = checked((int)_quantization.BlocksInRow);
        long rowBytes = WeightElements.StoredBytes(weight, _inputs);
        _groupOutputs = (int)Math.Min(_outputs, Math.Max(1, GroupBytes / rowBytes / LeastOutputs) * LeastOutputs);
        _groupOutputs = experts == 1 ? _groupOutputs : Panels.PanelDivision.LargestPart(_matrixOutputs / LeastOutputs, _groupOutputs / LeastOutputs, 1) * LeastOutputs;
        _groupCount = checked((int)((_outputs + _groupOutputs - 1) / _groupOutputs));
        _slotCount = Math.Min(workers.WorkerCount, _groupCount);
        _slots = new WorkerSlots(_slotCount);
        _product = QuantizedDotProduct.Create(weight.StoredType, checked((int)_inputs), checked((int)_quantization.ColumnBlock));

        Constant?[] streamed = [weight, _quantization.Scales, _quantization.HasOneZeroPoint ? null : _quantization.ZeroPoints];
        _rangesOfGroup = streamed.Count(constant => constant?.Location is not null);
        _ranges = new WeightRange[_groupCount * _rangesOfGroup];
        long[] perOutput = [_inputs, _blocks, _quantization.ZeroPointStride];
        for (int group = 0, next = 0; group < _groupCount; group++)
        {
            for (int i = 0; i < streamed.Length; i++)
            {
                if (streamed[i] is { Location: { } location } constant)
                {
                    long start = ElementBytes(constant, (long)group * _groupOutputs * perOutput[i]);
                    _ranges[next++] = location.Slice(start, ElementBytes(constant, Outputs(group) * perOutput[i]));
                }
            }
        }

        ScratchLayout slot = new();
        _scalesPart = slot.Add(IsUsedInPlace(_quantization.Scales, _blocks, _blocks) ? 0 : (long)_groupOutputs * _blocks * sizeof(float));
        _zeroPointsPart = slot.Add(HasOwnZeroPoints ? (long)_groupOutputs * _blocks * sizeof(float) : sizeof(float));
        ScratchLayout layout = new();
        _dataPart = layout.Add(rows * _product.ArrangedBytes);
        _slotPart = layout.Add(slot.Bytes, _slotCount);
        ScratchBytes = layout.Bytes;
    }

    /// <inheritdoc/>
    public override string Name => $"few rows, {_weight.StoredType.ToOnnxName()}";

    /// <inheritdoc/>
    public override long Flops => 2 * _rows * _inputs * _matrixOutputs;

    /// <inheritdoc/>
    public override long ScratchBytes { get; }

    /// <inheritdoc/>
    public override IReadOnlyList<WeightRange> StreamedWeights => _ranges;

    /// <inheritdoc/>
    public override long WeightsInUse(WeightMeasure measure) => _slotCount * _ranges.Take(_rangesOfGroup).Sum(range => measure.Streamed(range));

    /// <summary>Whether a matrix [N, K] can be used where it lies: its rows are divided into blocks of a multiple of 32 columns, or are blocks themselves.</summary>
    /// <param name="weight">The matrix.</param>
    public static bool CanCompute(Constant weight) =>
        weight is { Location: not null, Quantization: { RowBlock: 1 } quantization, Type.Shape: { Rank: 2 } shape } &&
        weight.StoredType is ElementType.UInt8 or ElementType.Int8 or ElementType.UInt4 or ElementType.Int4 or ElementType.Float4E2M1 &&
        quantization.RowLength == shape[1] && shape[1] % QuantizedDotProduct.Step == 0 && quantization.ColumnBlock % QuantizedDotProduct.Step == 0 &&
        (quantization.ZeroPoints is null || quantization.HasOneZeroPoint || quantization.ZeroPointStride * LeastOutputs % quantization.ZeroPoints.StoredType.PerByte() == 0);

    /// <summary>Whether it can be several matrices behind each other.</summary>
    /// <param name="weight">The matrices, as one.</param>
    /// <param name="experts">How many they are.</param>
    public static bool CanCompute(Constant weight, int experts) => CanCompute(weight) && (experts == 1 || weight.Type.Shape[0] / experts % LeastOutputs == 0);

    /// <inheritdoc/>
    public override void Run(KernelContext context) => RunSets([context]);

    /// <inheritdoc/>
    public override void RunSets(KernelContext[] sets)
    {
        _sets = sets;
        if (_expertCount > 1 && _experts.Length < sets.Length)
        {
            _experts = [.. sets.Select(_ => new ExpertRows(_expertCount))];
        }

        for (int set = 0; set < sets.Length; set++)
        {
            KernelContext context = sets[set];
            if (_expertCount > 1)
            {
                _experts[set].Read((long*)context.Input(_hasBias ? 2 : 1), _rows);
            }

            byte* arranged = _dataPart.In(context.Scratch);
            for (long row = 0; row < _rows; row++)
            {
                _product.Arrange((float*)context.Input(0) + row * _inputs, arranged + row * _product.ArrangedBytes);
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
        KernelContext context = _sets[0];
        context.CancellationToken.ThrowIfCancellationRequested();
        int firstRange = index * _rangesOfGroup;
        long first = (long)index * _groupOutputs;
        if (!IsNeeded(first))
        {
            for (int i = 0; i < _rangesOfGroup; i++)
            {
                context.SkipWeight(firstRange + i);
            }

            return;
        }

        int slotIndex = _slots.Acquire();
        int acquired = 0;
        try
        {
            byte* slot = _slotPart.In(context.Scratch, slotIndex);
            float* scales = (float*)_scalesPart.In(slot);
            float* zeroPoints = (float*)_zeroPointsPart.In(slot);
            int outputs = Outputs(index);
            byte* stored = context.AcquireWeight(firstRange + acquired++);
            scales = Read(context, _quantization.Scales, first, outputs, _blocks, _blocks, scales, firstRange, ref acquired);
            if (HasOwnZeroPoints)
            {
                zeroPoints = Read(context, _quantization.ZeroPoints!, first, outputs, _blocks, _quantization.ZeroPointStride, zeroPoints, firstRange, ref acquired);
            }
            else
            {
                *zeroPoints = _quantization.ZeroPoints is { } one ? QuantizedNumbers.Read(one) : 0;
            }

            int zeroPointStep = HasOwnZeroPoints ? 1 : 0;

            for (int set = 0; set < _sets.Length; set++)
            {
                (long firstRow, long rows) = Rows(set, first);
                if (rows == 0)
                {
                    continue;
                }

                float* results = (float*)_sets[set].Output(0) + firstRow * _resultStride + first % _matrixOutputs;
                _product.Multiply(new QuantizedPart(
                    (nint)stored,
                    WeightElements.StoredBytes(_weight, _inputs),
                    outputs,
                    (nint)scales,
                    (nint)zeroPoints,
                    zeroPointStep,
                    (nint)(_dataPart.In(_sets[set].Scratch) + firstRow * _product.ArrangedBytes),
                    (nint)((float*)_sets[set].Input(0) + firstRow * _inputs),
                    rows,
                    (nint)results,
                    _resultStride));
                AddBias(_sets[set], first, outputs, results, rows);
            }
        }
        finally
        {
            while (acquired > 0)
            {
                context.ReleaseWeight(firstRange + --acquired);
            }

            _slots.Release(slotIndex);
        }
    }

    // The rows of a set that are multiplied with the matrix which an output channel belongs to.
    private (long First, long Count) Rows(int set, long output) => _expertCount == 1 ? (0, _rows) : _experts[set].Of((int)(output / _matrixOutputs));

    private bool IsNeeded(long output)
    {
        for (int set = 0; set < _sets.Length; set++)
        {
            if (Rows(set, output).Count > 0)
            {
                return true;
            }
        }

        return false;
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void AddBias(KernelContext context, long first, int outputs, float* results, long rows)
    {
        float* bias = _hasBias ? (float*)context.Input(1) + first : null;
        for (long row = 0; row < rows && bias is not null; row++)
        {
            for (int output = 0; output < outputs; output++)
            {
                results[row * _resultStride + output] += bias[output];
            }
        }
    }

    private int Outputs(int group) => (int)Math.Min(_groupOutputs, _outputs - (long)group * _groupOutputs);

    private static long ElementBytes(Constant constant, long elements) => (elements * constant.StoredType.SizeOf() + constant.StoredType.PerByte() - 1) / constant.StoredType.PerByte();

    // Whether blocks have zero points of their own.
    private bool HasOwnZeroPoints => _quantization is { ZeroPoints: not null, HasOneZeroPoint: false };

    private static bool IsUsedInPlace(Constant constant, long blocks, long stride) => constant is { Location: not null, StoredType: ElementType.Float32, Quantization: null } && stride == blocks;

    // The scales or zero points of a group in single precision, without what rows are filled up with.
    private static float* Read(KernelContext context, Constant constant, long first, int outputs, int blocks, long stride, float* numbers, int firstRange, ref int acquired)
    {
        if (constant.Location is null)
        {
            for (int output = 0; output < outputs; output++)
            {
                QuantizedNumbers.Read(constant, (first + output) * stride, new Span<float>(numbers + (long)output * blocks, blocks));
            }

            return numbers;
        }

        byte* stored = context.AcquireWeight(firstRange + acquired++);
        if (IsUsedInPlace(constant, blocks, stride))
        {
            return (float*)stored;
        }

        if (stride == blocks)
        {
            WeightElements.Numbers(constant, stored, new Span<float>(numbers, checked(outputs * blocks)));
            return numbers;
        }

        for (int output = 0; output < outputs; output++)
        {
            WeightElements.Numbers(constant, stored + WeightElements.StoredBytes(constant, output * stride), new Span<float>(numbers + (long)output * blocks, blocks));
        }

        return numbers;
    }
}
