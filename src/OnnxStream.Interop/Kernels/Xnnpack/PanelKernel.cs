using System.Numerics.Tensors;
using OnnxStream.Interop.Bindings;
using OnnxStream.Interop.Graphs;
using OnnxStream.Interop.Native;
using OnnxStream.Interop.Weights;
using static OnnxStream.Interop.Bindings.Xnnpack;

namespace OnnxStream.Interop.Kernels.Xnnpack;

/// <summary>A layer whose weight is streamed in panels of output channels, each an XNNPACK operator of its own that writes its stripe of the output.</summary>
/// <remarks>
/// A panel that fits the cache is computed up to three times as fast as the whole layer, and is all that must be resident.
/// Panels are run across threads (each worker packs and runs whole panels; one barrier for the layer), or, where there are
/// fewer panels than threads, one after the other with all threads inside. Inputs of the step: data, then the weight unless
/// it is streamed, then the bias if there is one.
/// </remarks>
internal abstract unsafe class PanelKernel : Kernel, IParallelBody, IPanelLayer
{
    /// <summary>The size of a panel that is aimed at, in bytes of packed weights.</summary>
    private const long PanelBytes = 1 << 20;

    private const int PackingRows = 32;

    // Packed layouts come in tiles of output channels; all of XNNPACK's tile widths divide 16 or 32.
    private const int Tile = 32;

    private readonly PanelWeights _weights;
    private readonly bool _hasBias;
    private readonly bool _isShared;
    private readonly bool _across;
    private readonly int _panelOutputs;
    private readonly int _panelCount;
    private readonly int _slotCount;
    private readonly WorkerSlots _slots;
    private readonly WeightRange[] _unpacked;
    private PanelStore? _store;
    private WeightRange[] _stored = [];
    private int _firstStored;
    private long _packedBytes;
    private long _lastPackedBytes;
    private long _workspaceBytes;
    private uint _seed;
    private KernelContext? _context;
    private byte* _wholeWeight;

    /// <summary>Divides the layer into panels.</summary>
    /// <param name="weights">The weight.</param>
    /// <param name="hasBias">Whether there is a bias.</param>
    /// <param name="rows">How many times each number of the weight is used.</param>
    /// <param name="workers">The threads.</param>
    protected PanelKernel(PanelWeights weights, bool hasBias, long rows, WorkerPool workers)
    {
        _weights = weights;
        _hasBias = hasBias;

        // Packing a number takes about as long as using it PackingRows times.
        _isShared = workers.WorkerCount > 1 && (rows + PackingRows) * weights.PerOutput * weights.Outputs / 8 >= WorkerPool.WorthSharing;
        _panelOutputs = ChoosePanelOutputs(weights, _isShared ? workers.WorkerCount : 1);
        _panelCount = (weights.Outputs + _panelOutputs - 1) / _panelOutputs;
        _across = _isShared && _panelCount >= workers.WorkerCount;
        _slotCount = _across ? workers.WorkerCount : 1;
        _slots = new WorkerSlots(_slotCount);
        _unpacked = weights.Ranges(_panelOutputs);
    }

    /// <inheritdoc/>
    public override long ScratchBytes => _slotCount * SlotBytes;

    /// <inheritdoc/>
    public override IReadOnlyList<WeightRange> StreamedWeights => _store is null ? _unpacked : _stored;

    /// <inheritdoc/>
    public string? Identity => _weights.Identity is { } weights && _hasBias == (_weights.Bias is not null) ? $"{FunctionName}:{weights}:{_panelOutputs}:{_seed:x8}" : null;

    /// <inheritdoc/>
    public int PanelCount => _panelCount;

    /// <inheritdoc/>
    public Constant? Bias => _weights.Bias;

    /// <inheritdoc/>
    public IReadOnlyList<WeightRange> UnpackedWeights => _unpacked;

    /// <inheritdoc/>
    public long PackScratchBytes => Align(sizeof(PackedPanelSlot)) + Align(_weights.GatherBytes(_panelOutputs));

    /// <summary>The number of output channels in a panel (the last one may have fewer).</summary>
    public int PanelOutputs => _panelOutputs;

    private long GatherBytes => _store is null ? Align(_weights.GatherBytes(_panelOutputs)) : 0;

    // Panels that are stored in single precision are used where they are.
    private long PackedSlotBytes => _store is { ElementType: ElementType.Float32 } ? 0 : Align(_packedBytes);

    private long SlotBytes => Align(sizeof(PackedPanelSlot)) + GatherBytes + PackedSlotBytes + Align(_workspaceBytes);

    /// <inheritdoc/>
    public long PackedBytes(int panel) => panel < _panelCount - 1 ? _packedBytes : _lastPackedBytes;

    /// <inheritdoc/>
    public void Pack(int panel, byte* source, float* bias, byte* scratch, byte* destination)
    {
        int first = panel * _panelOutputs;
        int count = Math.Min(_panelOutputs, _weights.Outputs - first);
        PackedPanelSlot* slot = (PackedPanelSlot*)scratch;
        PackedPanelSlot.Reset(slot, destination, (nuint)PackedBytes(panel));
        float* kernel = _weights.Gather(source, first, count, (float*)(scratch + Align(sizeof(PackedPanelSlot))));
        xnn_operator* created = null;
        XnnpackLibrary.CheckCreated(Create(kernel, bias is null ? null : bias + first, count, PackedPanelSlot.Provider(slot), &created), created, FunctionName, $"panel {panel}");
        _ = xnn_delete_operator(created);
    }

    /// <inheritdoc/>
    public void UseStore(PanelStore store, int firstPanel)
    {
        _store = store;
        _firstStored = firstPanel;
        _stored = [.. Enumerable.Range(firstPanel, _panelCount).Select(store.Range)];
    }

    /// <inheritdoc/>
    public override void Run(KernelContext context)
    {
        _context = context;
        bool wholeWeight = _weights.IsStreamed && !_weights.HasPanelRanges && _store is null;
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

    /// <summary>Finds out how much memory a panel needs: the size of its packed weights and of XNNPACK's workspace. Called by the constructor of the derived class.</summary>
    protected void Measure(string details)
    {
        using NativeBuffer buffer = new(sizeof(PackedPanelSlot));
        PackedPanelSlot* slot = (PackedPanelSlot*)buffer.Pointer;
        using NativeBuffer dummy = new(64);
        _packedBytes = MeasurePacked(slot, (float*)dummy.Pointer, _panelOutputs, details);
        _seed = slot->Seed;
        _lastPackedBytes = MeasurePacked(slot, (float*)dummy.Pointer, _weights.Outputs - (_panelCount - 1) * _panelOutputs, details);
        using NativeBuffer packed = new(_packedBytes);
        PackedPanelSlot.Reset(slot, packed.Pointer, (nuint)_packedBytes);
        PackedPanelSlot.MarkFilled(slot);
        xnn_operator* created = null;
        XnnpackLibrary.CheckCreated(Create((float*)dummy.Pointer, null, _panelOutputs, PackedPanelSlot.Provider(slot), &created), created, FunctionName, details);
        using XnnOperatorHandle handle = new(created);
        nuint workspace = 0;
        XnnpackLibrary.Check(Reshape(created, &workspace, null), FunctionName, details);
        _workspaceBytes = (long)workspace;
    }

    private long MeasurePacked(PackedPanelSlot* slot, float* dummy, int outputs, string details)
    {
        PackedPanelSlot.Reset(slot, null, 0);
        xnn_operator* created = null;
        return PackedPanelSlot.Required(slot, Create(dummy, null, outputs, PackedPanelSlot.Provider(slot), &created), FunctionName, details);
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
    protected abstract xnn_status Setup(xnn_operator* created, byte* workspace, float* input, float* output);

    private static int ChoosePanelOutputs(PanelWeights weights, int workers)
    {
        long fitting = Math.Max(1, PanelBytes / (weights.PerOutput * sizeof(float) * Tile)) * Tile;
        long count = (weights.Outputs + fitting - 1) / fitting;
        if (weights.Outputs >= workers * Tile)
        {
            // A multiple of the number of workers leaves none idle at the end.
            count = (count + workers - 1) / workers * workers;
        }

        long outputs = (weights.Outputs + count - 1) / count;
        return (int)Math.Min(weights.Outputs, (outputs + Tile - 1) / Tile * Tile);
    }

    private static long Align(long bytes) => (bytes + 63) & ~63L;

    private void RunPanel(int panel, int slotIndex, Pthreadpool* threads)
    {
        KernelContext context = _context!;
        int first = panel * _panelOutputs;
        int count = Math.Min(_panelOutputs, _weights.Outputs - first);
        PackedPanelSlot* slot = (PackedPanelSlot*)(context.Scratch + slotIndex * SlotBytes);
        bool isAcquired = _store is not null || (_weights.IsStreamed && _weights.HasPanelRanges);
        byte* source = isAcquired ? context.AcquireWeight(panel) :
            _weights.HasPanelRanges ? _wholeWeight + first * _weights.PerOutput * sizeof(float) : _wholeWeight;
        try
        {
            xnn_operator* created = _store is null ? PackAndCreate(slot, source, first, count) : CreateFromStore(slot, source, panel, count);
            if (isAcquired && _store is not { ElementType: ElementType.Float32 })
            {
                context.ReleaseWeight(panel);
                isAcquired = false;
            }

            RunAndDelete(created, (byte*)slot + SlotBytes - Align(_workspaceBytes), first, threads);
        }
        finally
        {
            if (isAcquired)
            {
                context.ReleaseWeight(panel);
            }
        }
    }

    private xnn_operator* PackAndCreate(PackedPanelSlot* slot, byte* source, int first, int count)
    {
        float* gathered = (float*)((byte*)slot + Align(sizeof(PackedPanelSlot)));
        byte* packed = (byte*)gathered + GatherBytes;
        float* bias = _hasBias ? (float*)_context!.Input(_weights.IsStreamed ? 1 : 2) + first : null;
        PackedPanelSlot.Reset(slot, packed, (nuint)_packedBytes);
        float* kernel = _weights.Gather(source, first, count, gathered);
        xnn_operator* created = null;
        XnnpackLibrary.CheckCreated(Create(kernel, bias, count, PackedPanelSlot.Provider(slot), &created), created, FunctionName, _context!.Step.NodeName);
        return created;
    }

    private xnn_operator* CreateFromStore(PackedPanelSlot* slot, byte* source, int panel, int count)
    {
        _store!.Verify(_firstStored + panel, source);
        byte* packed = source;
        if (_store.ElementType == ElementType.Float16)
        {
            packed = (byte*)slot + Align(sizeof(PackedPanelSlot));
            int elements = checked((int)(PackedBytes(panel) / sizeof(float)));
            TensorPrimitives.ConvertToSingle(new ReadOnlySpan<Half>(source, elements), new Span<float>(packed, elements));
        }

        // On a hit XNNPACK reads neither kernel nor bias; any pointer that is not null will do.
        PackedPanelSlot.Reset(slot, packed, (nuint)PackedBytes(panel));
        PackedPanelSlot.MarkFilled(slot);
        xnn_operator* created = null;
        XnnpackLibrary.CheckCreated(Create((float*)packed, _hasBias ? (float*)packed : null, count, PackedPanelSlot.Provider(slot), &created), created, FunctionName, _context!.Step.NodeName);
        return created;
    }

    private void RunAndDelete(xnn_operator* created, byte* workspace, int first, Pthreadpool* threads)
    {
        string node = _context!.Step.NodeName;
        try
        {
            nuint workspaceBytes = 0;
            XnnpackLibrary.Check(Reshape(created, &workspaceBytes, threads), FunctionName, node);
            XnnpackLibrary.Check(Setup(created, workspace, (float*)_context.Input(0), (float*)_context.Output(0) + first), FunctionName, node);
            XnnpackLibrary.Check(xnn_run_operator(created, threads), nameof(xnn_run_operator), node);
        }
        finally
        {
            _ = xnn_delete_operator(created);
        }
    }
}
