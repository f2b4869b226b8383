using OnnxStream.Interop.Bindings;
using OnnxStream.Interop.Native;
using OnnxStream.Interop.Panels;
using OnnxStream.Interop.Tensors;
using OnnxStream.Interop.Weights;

namespace OnnxStream.Interop.Kernels;

/// <summary>A layer whose weight is streamed in panels of output channels, each an XNNPACK operator of its own that writes its stripe of the output.</summary>
/// <remarks>
/// A panel that fits the cache is computed up to three times as fast as the whole layer, and is all that must be resident.
/// Panels are run across threads (each worker packs and runs whole panels; one barrier for the layer), or, where there are
/// fewer panels than threads, one after the other with all threads inside: XNNPACK's own division, or pieces of rows where results
/// go through a function. A kernel may also hold all panels, and compute parts of the data with all of them. Inputs of the step: data, then the weight unless
/// it is streamed, then the bias if there is one.
/// </remarks>
internal abstract unsafe class PanelKernel : Kernel, IParallelBody, IPanelLayer
{
    private const int PackingRows = 32;

    /// <summary>Rows that are computed at a time where a panel is not computed for all of them at once: a multiple of XNNPACK's row tiles, nearly.</summary>
    protected const int RowTile = 70;

    private readonly PanelWeights _weights;
    private readonly bool _hasBias;
    private readonly bool _isShared;
    private readonly bool _across;
    private readonly SharedRows? _sharedRows;
    private readonly int _panelOutputs;
    private readonly int _panelCount;
    private readonly bool _holdsPanels;
    private readonly nint[] _held;
    private readonly int _slotCount;
    private readonly int _operatorCount;
    private readonly WorkerSlots _slots;
    private readonly WeightReader _reader;
    private readonly PanelOperator?[] _operators;
    private readonly PanelOperator?[] _lastOperators;
    private readonly WeightRange[] _unpacked;
    private PanelSource _source = null!;

    // Of each worker: a packed panel unless it is used where it lies, memory for packing it, XNNPACK's workspace.
    private ScratchPart _slotPart;
    private ScratchPart _packedPart;
    private ScratchPart _heldPart;
    private ScratchPart _packPart;
    private ScratchPart _workspacePart;

    // Data that all panels read.
    private ScratchPart _dataPart;
    private ScratchPart _convertedPart;
    private long _scratchBytes;
    private long _packedBytes;
    private long _lastPackedBytes;
    private long _workspaceBytes;
    private long _packingBytes;
    private uint _seed;
    private KernelContext[] _sets = [];
    private nint[] _data = [];
    private bool _hasOwnBiases;
    private byte* _wholeWeight;

    /// <summary>Divides the layer into panels.</summary>
    /// <param name="weights">The weight.</param>
    /// <param name="hasBias">Whether there is a bias.</param>
    /// <param name="rows">How many times each number of the weight is used.</param>
    /// <param name="workers">The threads.</param>
    /// <param name="sharesRows">Whether threads that compute one panel compute pieces of rows of it (<see cref="ComputePiece"/>). Such a kernel has no workspace.</param>
    /// <param name="holdsPanels">Whether all panels are held while <see cref="ComputeHeld"/> computes with them.</param>
    protected PanelKernel(PanelWeights weights, bool hasBias, long rows, WorkerPool workers, bool sharesRows = false, bool holdsPanels = false)
    {
        _weights = weights;
        Format = weights.Format;
        _hasBias = hasBias;

        // Packing a number takes about as long as using it PackingRows times.
        _isShared = workers.WorkerCount > 1 && (rows + PackingRows) * weights.PerOutput * weights.Outputs / 8 >= WorkerPool.WorthSharing;
        _panelOutputs = PanelDivision.ChooseOutputs(weights);
        _panelCount = (weights.Outputs + _panelOutputs - 1) / _panelOutputs;
        _across = _isShared && _panelCount >= workers.WorkerCount;
        _holdsPanels = holdsPanels;
        _held = new nint[holdsPanels ? _panelCount : 0];
        _slotCount = _across || holdsPanels ? workers.WorkerCount : 1;
        _sharedRows = sharesRows && _isShared && !_across ? new SharedRows(this) : null;
        _operatorCount = _sharedRows is null ? _slotCount : workers.WorkerCount;
        _slots = new WorkerSlots(_operatorCount);
        _reader = (offset, destination) => _sets[0].ReadWeight(0, offset, destination);
        _operators = new PanelOperator?[_operatorCount];
        _lastOperators = new PanelOperator?[_operatorCount];
        _unpacked = weights.Ranges(_panelOutputs);
    }

    /// <inheritdoc/>
    public override long ScratchBytes => _scratchBytes;

    /// <inheritdoc/>
    public override long RunBytes => _source.IsStored ? 0 : _slotCount * _packingBytes;

    /// <inheritdoc/>
    public override IReadOnlyList<WeightRange> StreamedWeights => _source.Ranges;

    /// <inheritdoc/>
    public override long WeightsInUse(WeightMeasure measure) => _holdsPanels && !_source.NeedsMemory ? StreamedWeights.Sum(range => measure.Input(range)) :
        (_source.IsStored || _weights.HasPanelRanges ? _slotCount : 1) * base.WeightsInUse(measure);

    /// <inheritdoc/>
    public override IReadOnlyList<WeightRange> PartlyReadWeights => _source.PartlyRead;

    /// <inheritdoc/>
    public WeightRange? PartlyRead => _weights.PartlyRead;

    /// <inheritdoc/>
    public string? Identity => _weights.Identity is { } weights && _hasBias == (_weights.Bias is not null) ? $"{Layout}:{weights}:{_panelOutputs}:{_seed:x8}" : null;

    /// <inheritdoc/>
    public string? WeightName => _weights.Name;

    /// <inheritdoc/>
    public int PanelCount => _panelCount;

    /// <inheritdoc/>
    public Constant? Bias => _weights.Bias;

    /// <inheritdoc/>
    public IReadOnlyList<WeightRange> UnpackedWeights => _unpacked;

    /// <inheritdoc/>
    public virtual long PackScratchBytes => Format.PackScratchBytes(Product, _panelOutputs) + CountedMemory.Align(_weights.GatherBytes(_panelOutputs)) + (_weights.IsGated ? CountedMemory.Align(_panelOutputs * sizeof(float)) : 0);

    /// <summary>The number of output channels in a panel (the last one may have fewer).</summary>
    public int PanelOutputs => _panelOutputs;

    /// <inheritdoc/>
    public PanelFormat Format { get; }

    /// <inheritdoc/>
    public long PackedBytes(int panel) => panel < _panelCount - 1 ? _packedBytes : _lastPackedBytes;

    /// <inheritdoc/>
    public virtual void Pack(int panel, byte* source, float* bias, byte* scratch, byte* destination, WeightReader? reader)
    {
        int first = panel * _panelOutputs;
        int count = Math.Min(_panelOutputs, _weights.Outputs - first);
        byte* gathered = scratch + Format.PackScratchBytes(Product, _panelOutputs);
        float* kernel = _weights.Gather(source, first, count, (float*)gathered, reader);
        float* biases = _weights.GatherBias(bias, first, count, (float*)(gathered + CountedMemory.Align(_weights.GatherBytes(_panelOutputs))));
        Format.Pack(Product, count, kernel, biases, scratch, destination, PackedBytes(panel), $"panel {panel}");
    }

    /// <inheritdoc/>
    public override void Run(KernelContext context) => RunSets([context]);

    /// <inheritdoc/>
    public override void RunSets(KernelContext[] sets)
    {
        // Panels, and what else all sets share, are in the memory of the first.
        KernelContext context = sets[0];
        if (!_weights.IsStreamed && (Differ(sets, 1) || (_hasBias && Differ(sets, 2))))
        {
            // The weight is a computed tensor, or the bias is: each set has panels of its own.
            Array.ForEach(sets, Run);
            return;
        }

        _sets = sets;
        _hasOwnBiases = _hasBias && Differ(sets, _weights.IsStreamed ? 1 : 2);
        _data = _data.Length == sets.Length ? _data : new nint[sets.Length];
        for (int set = 0; set < sets.Length; set++)
        {
            byte* data = Prepare(set, sets[set].Input(0), _dataPart.In(sets[set].Scratch));
            _data[set] = (nint)(ConvertedRows == 0 ? data : Format.Convert(Product, ConvertedRows, data, _convertedPart.In(sets[set].Scratch), SharedWorkers));
        }

        bool wholeWeight = _weights.IsStreamed && !_weights.HasPanelRanges && _weights.PartlyRead is null && !_source.IsStored && !_source.IsComplete;
        if (_source.IsComplete && !_weights.HasPanelRanges && StreamedWeights.Count > 0)
        {
            context.SkipWeight(0);
        }

        _wholeWeight = wholeWeight ? context.AcquireWeight(0) : _weights.IsStreamed ? null : context.Input(1);
        try
        {
            if (_holdsPanels)
            {
                RunHeld(context);
            }
            else if (_across)
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

            _sets = [];
        }
    }

    /// <inheritdoc/>
    public void Execute(int index)
    {
        int slot = _slots.Acquire();
        try
        {
            if (_holdsPanels)
            {
                Hold(index, slot);
            }
            else
            {
                RunPanel(index, slot, null);
            }
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
            (_packedBytes, _seed) = Format.Measure(Product, _panelOutputs, details);
            (_lastPackedBytes, _) = Format.Measure(Product, LastOutputs, details);

            // Packing makes such an operator and deletes it.
            MemoryAccount creating = new(MemoryAccount.Current);
            using (MemoryAccount.Enter(creating))
            {
                _operators[0] = PanelOperator.Create(Format, Product, _panelOutputs, _hasBias, details);
                _packingBytes = creating.PeakBytes;
            }

            creating.Close();
            for (int i = 0; i < _operatorCount; i++)
            {
                _operators[i] ??= PanelOperator.Create(Format, Product, _panelOutputs, _hasBias, details);
                _lastOperators[i] = LastOutputs == _panelOutputs ? _operators[i] : PanelOperator.Create(Format, Product, LastOutputs, _hasBias, details);
            }

            foreach (PanelOperator? operation in _operators.Concat(_lastOperators).Distinct())
            {
                // What XNNPACK allocates for a shape belongs to the plan, not to the first run.
                _workspaceBytes = Math.Max(_workspaceBytes, WorkspaceBytes(operation!, details));
            }

            _source = _weights.Sources.Open(this);
            PlaceScratch();
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

    private void PlaceScratch()
    {
        ScratchLayout worker = new();
        _packedPart = worker.Add(_source.NeedsMemory && !_holdsPanels ? _packedBytes : 0);
        _packPart = worker.Add(_source.IsStored ? 0 : PackScratchBytes);
        _workspacePart = worker.Add(_workspaceBytes);
        ScratchLayout layout = new();
        _slotPart = layout.Add(worker.Bytes, _slotCount);
        _heldPart = layout.Add(_source.NeedsMemory && _holdsPanels ? _packedBytes : 0, _panelCount);
        _dataPart = layout.Add(DataBytes);
        _convertedPart = layout.Add(Format.ConvertedBytes(Product, ConvertedRows));
        _scratchBytes = layout.Bytes;
    }

    /// <summary>What the kernel that runs was called with, for each set of data.</summary>
    protected IReadOnlyList<KernelContext> Sets => _sets;

    /// <summary>The threads of the kernel that runs; null if it is too small for more than the calling one.</summary>
    protected WorkerPool? SharedWorkers => _isShared ? _sets[0].Workers : null;

    private int LastOutputs => _weights.Outputs - (_panelCount - 1) * _panelOutputs;

    /// <summary>What a panel computes.</summary>
    protected abstract PanelProduct Product { get; }

    /// <summary>The name of the layout of packed panels, by which a store finds them. It changes with the bytes that <see cref="Pack"/> writes, and for no other reason.</summary>
    protected abstract string Layout { get; }

    /// <summary>The rows of data: pixels, for a convolution.</summary>
    protected abstract long Rows { get; }

    /// <summary>The rows of data that the format converts once for all panels; 0 where <see cref="Compute"/> converts them piece by piece.</summary>
    protected virtual long ConvertedRows => Rows;

    /// <summary>The memory that <see cref="Compute"/> needs for each worker, in bytes.</summary>
    /// <param name="operation">An operator of a whole panel.</param>
    /// <param name="details">What it is for, for messages.</param>
    protected virtual long WorkspaceBytes(PanelOperator operation, string details) => operation.Reshape(Rows, null, details);

    /// <summary>The memory that <see cref="Prepare"/> needs.</summary>
    protected virtual long DataBytes => 0;

    /// <summary>Makes what panels read out of the data, once for all of them.</summary>
    /// <param name="set">The set of data.</param>
    /// <param name="data">The data.</param>
    /// <param name="scratch">Memory of <see cref="DataBytes"/>.</param>
    protected virtual byte* Prepare(int set, byte* data, byte* scratch) => data;

    /// <summary>Whether this run needs a panel of which the data has been prepared; otherwise its weights are not even read. Always, where panels are held.</summary>
    protected virtual bool IsNeeded(int panel) => true;

    /// <summary>Computes a panel whose operator has been pointed to its weights.</summary>
    /// <param name="set">The set of data.</param>
    /// <param name="operation">The operator.</param>
    /// <param name="first">The panel's first output channel.</param>
    /// <param name="count">Its number of output channels.</param>
    /// <param name="workspace">Memory of <see cref="WorkspaceBytes"/>.</param>
    /// <param name="input">The data.</param>
    /// <param name="output">The first output channel of the first row.</param>
    /// <param name="threads">The threads; null for the calling one.</param>
    /// <param name="node">The node, for messages.</param>
    protected virtual void Compute(int set, PanelOperator operation, int first, int count, byte* workspace, byte* input, byte* output, Pthreadpool* threads, string node) =>
        operation.Run(Rows, workspace, input, 0, output + (long)first * sizeof(float), threads, node);

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
        Compute(0, operation, first, count, null, input, output, null, node);

    /// <summary>Computes everything while all panels are held.</summary>
    protected virtual void ComputeHeld(KernelContext context) => throw new NotSupportedException($"{Name} holds no panels.");

    /// <summary>The number of threads that compute with held panels at the same time.</summary>
    protected int HeldWorkers => _slotCount;

    /// <summary>The numbers of these threads.</summary>
    protected WorkerSlots Slots => _slots;

    /// <summary>The memory of such a thread, of <see cref="WorkspaceBytes"/>.</summary>
    protected byte* HeldWorkspace(KernelContext context, int slot) => _workspacePart.In(_slotPart.In(context.Scratch, slot));

    /// <summary>The operator of such a thread for a panel, pointed to its weights.</summary>
    protected PanelOperator HeldOperator(int panel, int slot)
    {
        PanelOperator operation = (panel < _panelCount - 1 ? _operators : _lastOperators)[slot]!;
        operation.PointTo((byte*)_held[panel]);
        return operation;
    }

    private void RunHeld(KernelContext context)
    {
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
                    Hold(panel, 0);
                }
            }

            foreach (KernelContext set in _sets)
            {
                ComputeHeld(set);
            }
        }
        finally
        {
            for (int panel = 0; panel < _panelCount; panel++)
            {
                if (_held[panel] != 0)
                {
                    _source.Release(context, panel);
                    _held[panel] = 0;
                }
            }
        }
    }

    private void Hold(int panel, int slotIndex)
    {
        KernelContext context = _sets[0];
        byte* memory = _heldPart.In(context.Scratch, panel);
        byte* packed = _source.TryAcquire(context, panel, memory);
        if (packed is null)
        {
            packed = PackPanel(context, panel, _slotPart.In(context.Scratch, slotIndex), memory);
        }

        _held[panel] = (nint)packed;
    }

    private void RunPanel(int panel, int slotIndex, Pthreadpool* threads)
    {
        KernelContext context = _sets[0];
        if (!IsNeeded(panel))
        {
            if (StreamedWeights.Count == _panelCount)
            {
                context.SkipWeight(panel);
            }

            return;
        }

        byte* slot = _slotPart.In(context.Scratch, slotIndex);
        byte* packed = _source.TryAcquire(context, panel, _packedPart.In(slot));
        if (packed is null && _hasOwnBiases)
        {
            PackForEachSet(panel, slotIndex, threads);
            return;
        }

        if (packed is null)
        {
            packed = PackPanel(context, panel, slot, _packedPart.In(slot));
        }

        try
        {
            ComputePanel(panel, slotIndex, packed, 0, _sets.Length, threads);
        }
        finally
        {
            _source.Release(context, panel);
        }
    }

    private void ComputePanel(int panel, int slotIndex, byte* packed, int firstSet, int setCount, Pthreadpool* threads)
    {
        int first = panel * _panelOutputs;
        int count = Math.Min(_panelOutputs, _weights.Outputs - first);
        PanelOperator?[] operators = panel < _panelCount - 1 ? _operators : _lastOperators;
        if (_sharedRows is not null)
        {
            _sharedRows.Run(operators, first, count, packed, firstSet, setCount);
            return;
        }

        PanelOperator operation = operators[slotIndex]!;
        operation.PointTo(packed);
        byte* workspace = _workspacePart.In(_slotPart.In(_sets[0].Scratch, slotIndex));
        for (int set = firstSet; set < firstSet + setCount; set++)
        {
            Compute(set, operation, first, count, workspace, (byte*)_data[set], _sets[set].Output(0), threads, _sets[0].Call.NodeName);
        }
    }

    // A bias that is a computed tensor is packed with the weight: the weight is acquired once, and packed for each set.
    private void PackForEachSet(int panel, int slotIndex, Pthreadpool* threads)
    {
        KernelContext context = _sets[0];
        byte* slot = _slotPart.In(context.Scratch, slotIndex);
        byte* packed = _packedPart.In(slot);
        byte* source = _weights.HasPanelRanges ? context.AcquireWeight(panel) : _wholeWeight;
        try
        {
            for (int set = 0; set < _sets.Length; set++)
            {
                Pack(panel, source, (float*)_sets[set].Input(1), _packPart.In(slot), packed, _weights.PartlyRead is null ? null : _reader);
                Format.Round(packed, PackedBytes(panel));
                ComputePanel(panel, slotIndex, packed, set, 1, threads);
            }
        }
        finally
        {
            if (_weights.HasPanelRanges)
            {
                context.ReleaseWeight(panel);
            }
        }
    }

    // Whether an input is not the same memory for all sets, as a weight or a constant is.
    private static bool Differ(KernelContext[] sets, int input) => sets.Length > 1 && sets[0].Input(input) != sets[1].Input(input);

    private byte* PackPanel(KernelContext context, int panel, byte* slot, byte* memory)
    {
        bool isAcquired = _weights.IsStreamed && _weights.HasPanelRanges;
        byte* source = isAcquired ? context.AcquireWeight(panel) :
            _weights.HasPanelRanges ? _wholeWeight + _weights.StoredBytes(panel * _panelOutputs) : _wholeWeight;
        try
        {
            float* bias = _hasBias ? (float*)context.Input(_weights.IsStreamed ? 1 : 2) : null;
            byte* packed = _source.PackInto(panel, memory);
            Pack(panel, source, bias, _packPart.In(slot), packed, _weights.PartlyRead is null ? null : _reader);
            Format.Round(packed, PackedBytes(panel));
            _source.SetPacked(panel);
            return packed;
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
        private int _firstSet;

        public void Run(PanelOperator?[] operators, int first, int count, byte* packed, int firstSet, int setCount)
        {
            _operators = operators;
            _firstSet = firstSet;
            _first = first;
            _count = count;
            foreach (PanelOperator? operation in operators)
            {
                operation!.PointTo(packed);
            }

            kernel._sets[0].Workers.Parallelize(this, setCount * kernel.PieceCount);
        }

        public void Execute(int index)
        {
            int slot = kernel._slots.Acquire();
            try
            {
                (int set, int piece) = Math.DivRem(index, kernel.PieceCount);
                set += _firstSet;
                KernelContext context = kernel._sets[set];
                kernel.ComputePiece(piece, _operators[slot]!, _first, _count, (byte*)kernel._data[set], context.Output(0), context.Call.NodeName);
            }
            finally
            {
                kernel._slots.Release(slot);
            }
        }
    }
}
