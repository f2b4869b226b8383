using System.Numerics.Tensors;
using OnnxStream.Interop.Bindings;
using OnnxStream.Interop.Native;
using OnnxStream.Interop.Panels;
using OnnxStream.Interop.Tensors;
using OnnxStream.Interop.Weights;
using static OnnxStream.Interop.Bindings.Xnnpack;

namespace OnnxStream.Interop.Kernels;

/// <summary>A layer whose weight is streamed in panels of output channels, each an XNNPACK operator of its own that writes its stripe of the output.</summary>
/// <remarks>
/// A panel that fits the cache is computed up to three times as fast as the whole layer, and is all that must be resident.
/// Panels are run across threads (each worker packs and runs whole panels; one barrier for the layer), or, where there are
/// fewer panels than threads, one after the other with all threads inside: XNNPACK's own division, or pieces of rows where results
/// go through a function. Inputs of the step: data, then the weight unless
/// it is streamed, then the bias if there is one.
/// </remarks>
internal abstract unsafe class PanelKernel : Kernel, IParallelBody, IPanelLayer
{
    /// <summary>The size of a panel that is aimed at, in bytes of packed weights.</summary>
    private const long PanelBytes = 1 << 20;

    // Rows of a matrix are copied in pieces as wide as a panel: fewer and longer ones where every run copies them, up to this size.
    private const long CopiedPanelBytes = 4 << 20;
    private const int LeastCopiedPanels = 16;

    private const int PackingRows = 32;

    /// <summary>Rows that are computed at a time where a panel is not computed for all of them at once: a multiple of XNNPACK's row tiles, nearly.</summary>
    protected const int RowTile = 70;

    // Packed layouts come in tiles of output channels; all of XNNPACK's tile widths divide 16 or 32.
    private const int Tile = 32;

    private readonly PanelWeights _weights;
    private readonly bool _hasBias;
    private readonly bool _isShared;
    private readonly bool _across;
    private readonly SharedRows? _sharedRows;
    private readonly int _panelOutputs;
    private readonly int _panelCount;
    private readonly int _slotCount;
    private readonly int _operatorCount;
    private readonly WorkerSlots _slots;
    private readonly WeightReader _reader;
    private readonly PanelOperator?[] _operators;
    private readonly PanelOperator?[] _lastOperators;
    private readonly WeightRange[] _unpacked;
    private StoredPanels? _stored;
    private long _packedBytes;
    private long _lastPackedBytes;
    private long _workspaceBytes;
    private long _packingBytes;
    private uint _seed;
    private KernelContext? _context;
    private byte* _wholeWeight;
    private byte* _data;

    /// <summary>Divides the layer into panels.</summary>
    /// <param name="weights">The weight.</param>
    /// <param name="hasBias">Whether there is a bias.</param>
    /// <param name="rows">How many times each number of the weight is used.</param>
    /// <param name="workers">The threads.</param>
    /// <param name="sharesRows">Whether threads that compute one panel compute pieces of rows of it (<see cref="ComputePiece"/>). Such a kernel has no workspace.</param>
    protected PanelKernel(PanelWeights weights, bool hasBias, long rows, WorkerPool workers, bool sharesRows = false)
    {
        _weights = weights;
        _hasBias = hasBias;

        // Packing a number takes about as long as using it PackingRows times.
        _isShared = workers.WorkerCount > 1 && (rows + PackingRows) * weights.PerOutput * weights.Outputs / 8 >= WorkerPool.WorthSharing;
        _panelOutputs = ChoosePanelOutputs(weights, _isShared ? workers.WorkerCount : 1);
        _panelCount = (weights.Outputs + _panelOutputs - 1) / _panelOutputs;
        _across = _isShared && _panelCount >= workers.WorkerCount;
        _slotCount = _across ? workers.WorkerCount : 1;
        _sharedRows = sharesRows && _isShared && !_across ? new SharedRows(this) : null;
        _operatorCount = _sharedRows is null ? _slotCount : workers.WorkerCount;
        _slots = new WorkerSlots(_operatorCount);
        _reader = (offset, destination) => _context!.ReadWeight(0, offset, destination);
        _operators = new PanelOperator?[_operatorCount];
        _lastOperators = new PanelOperator?[_operatorCount];
        _unpacked = weights.Ranges(_panelOutputs);
    }

    /// <inheritdoc/>
    public override long ScratchBytes => _slotCount * SlotBytes + DataBytes;

    /// <inheritdoc/>
    public override long RunBytes => _stored is null ? _slotCount * _packingBytes : 0;

    /// <inheritdoc/>
    public override IReadOnlyList<WeightRange> StreamedWeights => _stored?.Ranges ?? _unpacked;

    /// <inheritdoc/>
    public override long WeightsInUse(WeightMeasure measure) => (_stored is not null || _weights.HasPanelRanges ? _slotCount : 1) * base.WeightsInUse(measure);

    /// <inheritdoc/>
    public override IReadOnlyList<WeightRange> PartlyReadWeights => _stored is null && PartlyRead is { } range ? [range] : [];

    /// <inheritdoc/>
    public WeightRange? PartlyRead => _weights.PartlyRead;

    /// <inheritdoc/>
    public string? Identity => _weights.Identity is { } weights && _hasBias == (_weights.Bias is not null) ? $"{FunctionName}:{weights}:{_panelOutputs}:{_seed:x8}" : null;

    /// <inheritdoc/>
    public int PanelCount => _panelCount;

    /// <inheritdoc/>
    public Constant? Bias => _weights.Bias;

    /// <inheritdoc/>
    public IReadOnlyList<WeightRange> UnpackedWeights => _unpacked;

    /// <inheritdoc/>
    public long PackScratchBytes => CountedMemory.Align(sizeof(PackedPanelSlot)) + CountedMemory.Align(_weights.GatherBytes(_panelOutputs)) + (_weights.IsGated ? CountedMemory.Align(_panelOutputs * sizeof(float)) : 0);

    /// <summary>The number of output channels in a panel (the last one may have fewer).</summary>
    public int PanelOutputs => _panelOutputs;

    // Packed weights, what packing needs, XNNPACK's workspace. Panels that are stored in single precision are used where they are.
    private long SlotBytes => (_stored is { AreUsedInPlace: true } ? 0 : CountedMemory.Align(_packedBytes)) + (_stored is null ? PackScratchBytes : 0) + CountedMemory.Align(_workspaceBytes);

    /// <inheritdoc/>
    public long PackedBytes(int panel) => panel < _panelCount - 1 ? _packedBytes : _lastPackedBytes;

    /// <inheritdoc/>
    public void Pack(int panel, byte* source, float* bias, byte* scratch, byte* destination, WeightReader? reader)
    {
        int first = panel * _panelOutputs;
        int count = Math.Min(_panelOutputs, _weights.Outputs - first);
        PackedPanelSlot* slot = (PackedPanelSlot*)scratch;
        PackedPanelSlot.Reset(slot, destination, (nuint)PackedBytes(panel));
        byte* gathered = scratch + CountedMemory.Align(sizeof(PackedPanelSlot));
        float* kernel = _weights.Gather(source, first, count, (float*)gathered, reader);
        float* biases = _weights.GatherBias(bias, first, count, (float*)(gathered + CountedMemory.Align(_weights.GatherBytes(_panelOutputs))));
        xnn_operator* created = null;
        XnnpackLibrary.CheckCreated(Create(kernel, biases, count, PackedPanelSlot.Provider(slot), &created), created, FunctionName, $"panel {panel}");
        _ = xnn_delete_operator(created);
    }

    /// <inheritdoc/>
    public void UseStore(StoredPanels panels) => _stored = panels;

    /// <inheritdoc/>
    public override void Run(KernelContext context)
    {
        _context = context;
        _data = Prepare(context.Input(0), context.Scratch + _slotCount * SlotBytes);
        bool wholeWeight = _weights.IsStreamed && !_weights.HasPanelRanges && _weights.PartlyRead is null && _stored is null;
        _wholeWeight = wholeWeight ? context.AcquireWeight(0) : _weights.IsStreamed ? null : context.Input(1);
        try
        {
            if (_across)
            {
                context.Workers.Parallelize(this, _panelCount);
            }
            else
            {
                for (int panel = 0; panel < _panelCount; panel++)
                {
                    context.CancellationToken.ThrowIfCancellationRequested();
                    RunPanel(panel, 0, _isShared ? context.Workers.Pointer : null);
                }
            }
        }
        finally
        {
            if (wholeWeight)
            {
                context.ReleaseWeight(0);
            }

            _context = null;
        }
    }

    /// <inheritdoc/>
    public void Execute(int index)
    {
        int slot = _slots.Acquire();
        try
        {
            RunPanel(index, slot, null);
        }
        finally
        {
            _slots.Release(slot);
        }
    }

    /// <summary>Makes the operators and finds out how much memory a panel needs. Called by the constructor of the derived class.</summary>
    protected void Measure(string details)
    {
        try
        {
            using (NativeBuffer buffer = new(sizeof(PackedPanelSlot)))
            {
                PackedPanelSlot* slot = (PackedPanelSlot*)buffer.Pointer;
                _packedBytes = MeasurePacked(slot, _panelOutputs, details);
                _seed = slot->Seed;
                _lastPackedBytes = MeasurePacked(slot, LastOutputs, details);
            }

            // Packing makes such an operator and deletes it.
            MemoryAccount creating = new(MemoryAccount.Current);
            using (MemoryAccount.Enter(creating))
            {
                _operators[0] = CreateOperator(_panelOutputs, details);
                _packingBytes = creating.PeakBytes;
            }

            creating.Close();
            for (int i = 0; i < _operatorCount; i++)
            {
                _operators[i] ??= CreateOperator(_panelOutputs, details);
                _lastOperators[i] = LastOutputs == _panelOutputs ? _operators[i] : CreateOperator(LastOutputs, details);
            }

            nuint workspace = 0;
            foreach (PanelOperator? operation in _operators.Concat(_lastOperators).Distinct())
            {
                // What XNNPACK allocates for a shape belongs to the plan, not to the first run.
                XnnpackLibrary.Check(Reshape(operation!.Pointer, &workspace, null), FunctionName, details);
                _workspaceBytes = Math.Max(_workspaceBytes, (long)workspace);
            }
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        foreach (PanelOperator? operation in _operators.Concat(_lastOperators).Distinct())
        {
            operation?.Dispose();
        }

        base.Dispose(disposing);
    }

    private int LastOutputs => _weights.Outputs - (_panelCount - 1) * _panelOutputs;

    private PanelOperator CreateOperator(int outputs, string details)
    {
        PanelOperator operation = new();
        try
        {
            // On a hit XNNPACK reads neither kernel nor bias; any pointer that is not null will do.
            float dummy = 0;
            xnn_operator* created = null;
            operation.Created(Create(&dummy, _hasBias ? &dummy : null, outputs, operation.Cache, &created), created, FunctionName, details);
            return operation;
        }
        catch
        {
            operation.Dispose();
            throw;
        }
    }

    private long MeasurePacked(PackedPanelSlot* slot, int outputs, string details)
    {
        PackedPanelSlot.Reset(slot, null, 0);
        float dummy = 0;
        xnn_operator* created = null;
        return PackedPanelSlot.Required(slot, Create(&dummy, null, outputs, PackedPanelSlot.Provider(slot), &created), FunctionName, details);
    }

    /// <summary>The create function, for messages.</summary>
    protected abstract string FunctionName { get; }

    /// <summary>Creates the operator of a panel.</summary>
    /// <param name="kernel">The panel's numbers, as <see cref="PanelWeights.Gather"/> returns them.</param>
    /// <param name="bias">The panel's biases, or null.</param>
    /// <param name="outputs">The panel's number of output channels.</param>
    /// <param name="cache">Where packed weights go.</param>
    /// <param name="created">Receives the operator.</param>
    protected abstract xnn_status Create(float* kernel, float* bias, int outputs, xnn_weights_cache_provider* cache, xnn_operator** created);

    /// <summary>Reshapes the operator of a panel.</summary>
    protected abstract xnn_status Reshape(xnn_operator* created, nuint* workspaceBytes, Pthreadpool* threads);

    /// <summary>Sets the operator of a panel up.</summary>
    protected abstract xnn_status Setup(xnn_operator* created, byte* workspace, byte* input, byte* output);

    /// <summary>The memory that <see cref="Prepare"/> needs.</summary>
    protected virtual long DataBytes => 0;

    /// <summary>Makes what panels read out of the data, once for all of them.</summary>
    protected virtual byte* Prepare(byte* data, byte* scratch) => data;

    /// <summary>Computes a panel whose operator has been pointed to its weights.</summary>
    /// <param name="operation">The operator.</param>
    /// <param name="first">The panel's first output channel.</param>
    /// <param name="count">Its number of output channels.</param>
    /// <param name="workspace">What <see cref="Reshape"/> asked for.</param>
    /// <param name="input">The data.</param>
    /// <param name="output">The first output channel of the first row.</param>
    /// <param name="threads">The threads; null for the calling one.</param>
    /// <param name="node">The node, for messages.</param>
    protected virtual void Compute(PanelOperator operation, int first, int count, byte* workspace, byte* input, byte* output, Pthreadpool* threads, string node)
    {
        nuint workspaceBytes = 0;
        XnnpackLibrary.Check(Reshape(operation.Pointer, &workspaceBytes, threads), FunctionName, node);
        XnnpackLibrary.Check(Setup(operation.Pointer, workspace, input, output + (long)first * sizeof(float)), FunctionName, node);
        XnnpackLibrary.Check(xnn_run_operator(operation.Pointer, threads), nameof(xnn_run_operator), node);
    }

    /// <summary>The number of pieces of rows.</summary>
    protected virtual int PieceCount => 1;

    /// <summary>Computes a piece of the rows of a panel. Called from several threads, each with an operator of its own.</summary>
    /// <param name="piece">The piece.</param>
    /// <param name="operation">An operator that has been pointed to the panel's weights.</param>
    /// <param name="first">The panel's first output channel.</param>
    /// <param name="count">Its number of output channels.</param>
    /// <param name="input">The data of all rows.</param>
    /// <param name="output">The results of all rows.</param>
    /// <param name="node">The node, for messages.</param>
    protected virtual void ComputePiece(int piece, PanelOperator operation, int first, int count, byte* input, byte* output, string node) =>
        Compute(operation, first, count, null, input, output, null, node);

    private static int ChoosePanelOutputs(PanelWeights weights, int workers)
    {
        long bytes = weights is { PartlyRead: not null, IsPackedInRuns: true }
            ? Math.Clamp(weights.PerOutput * weights.Outputs * sizeof(float) / LeastCopiedPanels, PanelBytes, CopiedPanelBytes)
            : PanelBytes;
        long fitting = Math.Max(1, bytes / (weights.PerOutput * sizeof(float) * Tile)) * Tile;
        if (weights.Outputs <= fitting)
        {
            // What fits a panel is not divided for the sake of workers: they share it, each with other rows, and read the data once.
            return weights.Outputs;
        }

        long count = (weights.Outputs + fitting - 1) / fitting;
        if (weights.Outputs >= workers * Tile)
        {
            // A multiple of the number of workers leaves none idle at the end.
            count = (count + workers - 1) / workers * workers;
        }

        long outputs = (weights.Outputs + count - 1) / count;
        return (int)Math.Min(weights.Outputs, (outputs + Tile - 1) / Tile * Tile);
    }

    private void RunPanel(int panel, int slotIndex, Pthreadpool* threads)
    {
        KernelContext context = _context!;
        int first = panel * _panelOutputs;
        byte* slot = context.Scratch + slotIndex * SlotBytes;
        bool isAcquired = _stored is not null || (_weights.IsStreamed && _weights.HasPanelRanges);
        byte* source = isAcquired ? context.AcquireWeight(panel) :
            _weights.HasPanelRanges ? _wholeWeight + first * _weights.PerOutput * sizeof(float) : _wholeWeight;
        try
        {
            byte* packed = slot;
            if (_stored is null)
            {
                float* bias = _hasBias ? (float*)context.Input(_weights.IsStreamed ? 1 : 2) : null;
                Pack(panel, source, bias, slot + CountedMemory.Align(_packedBytes), packed, _weights.PartlyRead is null ? null : _reader);
            }
            else
            {
                _stored.Verify(panel, source);
                if (!_stored.AreUsedInPlace)
                {
                    int elements = checked((int)(PackedBytes(panel) / sizeof(float)));
                    TensorPrimitives.ConvertToSingle(new ReadOnlySpan<Half>(source, elements), new Span<float>(packed, elements));
                }
                else
                {
                    packed = source;
                }
            }

            if (isAcquired && packed != source)
            {
                context.ReleaseWeight(panel);
                isAcquired = false;
            }

            PanelOperator?[] operators = panel < _panelCount - 1 ? _operators : _lastOperators;
            if (_sharedRows is not null)
            {
                _sharedRows.Run(operators, first, Math.Min(_panelOutputs, _weights.Outputs - first), packed);
                return;
            }

            PanelOperator operation = operators[slotIndex]!;
            operation.PointTo(packed);
            Compute(operation, first, Math.Min(_panelOutputs, _weights.Outputs - first), slot + SlotBytes - CountedMemory.Align(_workspaceBytes), _data, context.Output(0), threads, context.Call.NodeName);
        }
        finally
        {
            if (isAcquired)
            {
                context.ReleaseWeight(panel);
            }
        }
    }

    // The threads that compute a panel together, each some of its rows.
    private sealed class SharedRows(PanelKernel kernel) : IParallelBody
    {
        private PanelOperator?[] _operators = [];
        private int _first;
        private int _count;

        public void Run(PanelOperator?[] operators, int first, int count, byte* packed)
        {
            _operators = operators;
            _first = first;
            _count = count;
            foreach (PanelOperator? operation in operators)
            {
                operation!.PointTo(packed);
            }

            kernel._context!.Workers.Parallelize(this, kernel.PieceCount);
        }

        public void Execute(int index)
        {
            int slot = kernel._slots.Acquire();
            try
            {
                kernel.ComputePiece(index, _operators[slot]!, _first, _count, kernel._data, kernel._context!.Output(0), kernel._context.Call.NodeName);
            }
            finally
            {
                kernel._slots.Release(slot);
            }
        }
    }
}
