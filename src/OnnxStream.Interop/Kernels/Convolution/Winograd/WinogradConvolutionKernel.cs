using System.Numerics;
using OnnxStream.Interop.Native;
using OnnxStream.Interop.Panels;

namespace OnnxStream.Interop.Kernels;

/// <summary>3x3 convolution with stride 1 on channels-last tensors by Winograd's algorithm: a quarter of the multiplications, done by XNNPACK.</summary>
/// <remarks>
/// <para>
/// A panel holds 36 packed matrices, one for each position of transformed kernels (<see cref="WinogradTransform"/>). All workers share a
/// panel; each takes blocks of tiles, whose transformed inputs and sums stay in the cache, so that neither exists for the whole image.
/// Where there are several panels and the transformed inputs are small, they are kept from panel to panel; else they are made again.
/// </para>
/// <para>
/// With one panel, results may lie over the data (<see cref="Lead"/>): the image is then computed in strips, none of which writes what it or a later one reads.
/// </para>
/// <para>Inputs of the step: data [N,H,W,C], then the weight unless it is streamed, then the bias if there is one.</para>
/// </remarks>
internal sealed unsafe class WinogradConvolutionKernel : WinogradKernel
{
    // Large enough that the inputs are not transformed too often, small enough for the outer cache.
    private const long PanelBytes = 8 << 20;

    // Transformed inputs that are kept must not need more memory than what is around them: images are small where channels are many.
    private const long KeptBytes = 12 << 20;

    // What a block may take of the cache of one core and a little more.
    private const long BlockBytes = 2 << 20;

    // A whole number of XNNPACK's row tiles, nearly: they have 4 to 7 rows, and 14 with AVX-512.
    private const int LeastTiles = 16;

    // Of each worker, in a strip of an image whose results lie over its data: those that wait for the last one lose little.
    private const int BlocksOfStrip = 8;

    private const int AllRows = (1 << WinogradTransform.TileInputs) - 1;

    private readonly int _channels;
    private readonly int _blockTiles;
    private readonly int _stripRows;
    private readonly bool _isKept;
    private readonly Blocks _blocks;
    private readonly Transformation _transformation;
    private readonly Packing _packing;

    // A packed panel and the numbers that it is made of, memory of each worker, a pixel of zeros, and the transformed image if it is kept.
    private readonly ScratchPart _packedPart;
    private readonly ScratchPart _gatheredPart;
    private readonly ScratchPart _workerPart;
    private readonly ScratchPart _zeroPart;
    private readonly ScratchPart _keptPart;

    // What results that are computed without the transforms need, while the panel is in use.
    private readonly ScratchPart _directPart;

    // Of a worker: a tile in single precision, and the transformed inputs and sums of a block, or memory for packing.
    private readonly ScratchPart _tilePart;
    private readonly ScratchPart _inputPart;
    private readonly ScratchPart _sumPart;
    private readonly ScratchPart _packPart;
    private KernelContext[] _sets = [];
    private KernelContext? _context;
    private int _set;
    private int _panel;
    private int _firstTile;
    private int _lastTile;
    private byte* _packed;
    private byte* _gathered;

    /// <summary>Makes the kernel for an input of shape [N,H,W,C].</summary>
    /// <param name="weights">The weight.</param>
    /// <param name="hasBias">Whether there is a bias.</param>
    /// <param name="input">The shape of what is convolved.</param>
    /// <param name="parameters">The geometry.</param>
    /// <param name="workers">The threads.</param>
    /// <param name="types">How data and results are stored.</param>
    /// <param name="isUpsampled">Whether the data has half the height and width, and each of its pixels stands for four.</param>
    public WinogradConvolutionKernel(PanelWeights weights, bool hasBias, Shape input, ConvolutionParameters parameters, WorkerPool workers, StorageTypes types = default, bool isUpsampled = false)
        : base(weights, hasBias, input, parameters, workers, types, isUpsampled)
    {
        _channels = Tiles.Channels;
        Divide(Math.Max(1, PanelBytes / (WinogradTransform.Positions * (long)_channels * sizeof(float) * OutputTile)) * OutputTile);

        long tiles = Math.Max(LeastTiles, BlockBytes / (WinogradTransform.Positions * (long)(_channels + PanelOutputs) * sizeof(float)));
        int blocks = (int)((Tiles.Count + tiles - 1) / tiles);
        blocks = Tiles.Count < WorkerCount * LeastTiles ? blocks : (blocks + WorkerCount - 1) / WorkerCount * WorkerCount;
        _blockTiles = (Tiles.Count + blocks - 1) / blocks;
        _stripRows = Math.Min(Tiles.Rows, (BlocksOfStrip * WorkerCount * _blockTiles + Tiles.Columns - 1) / Tiles.Columns);
        _isKept = OutputPanels > 1 && InputBytes(Tiles.Count) <= KeptBytes;
        _blocks = new Blocks(this);
        _transformation = new Transformation(this);
        _packing = new Packing(this);
        Open(
            new MatrixProduct(_channels) { OutputStride = SumStride(0) },
            new MatrixProduct(_channels) { OutputStride = SumStride(OutputPanels - 1) });

        ScratchLayout block = new();
        _tilePart = block.Add(sizeof(float) * Math.Max(
            types.Expands ? WinogradTransform.Positions * (long)_channels : 0,
            types.Rounds ? WinogradTransform.TileOutputs * WinogradTransform.TileOutputs * (long)PanelOutputs : 0));
        ScratchLayout packing = new(block.Bytes);
        _inputPart = block.Add(_isKept ? 0 : InputBytes(_blockTiles));
        _sumPart = block.Add(WinogradTransform.Positions * (long)_blockTiles * SumStride(0) * sizeof(float) + Vector<float>.Count * sizeof(float));
        _packPart = packing.Add(Source.IsStored ? 0 : MatrixScratchBytes(_channels));

        ScratchLayout all = new();
        _packedPart = all.Add(Source.NeedsMemory ? WinogradTransform.Positions * MatrixBytes : 0);
        _gatheredPart = all.Add(Source.IsStored ? 0 : GatherBytes);
        _workerPart = all.Add(Math.Max(block.Bytes, packing.Bytes), WorkerCount);
        _zeroPart = all.Add(_channels * sizeof(float));
        _keptPart = all.Add(_isKept ? InputBytes(Tiles.Count) : 0);
        _directPart = all.Add(OutputPanels == 1 && Tiles.Rows > _stripRows ? DirectScratchBytes : 0);
        ScratchBytes = Math.Max(all.Bytes, DirectScratchBytes);
    }

    /// <inheritdoc/>
    public override string Name => "winograd convolution";

    /// <inheritdoc/>
    public override long ScratchBytes { get; }

    /// <inheritdoc/>
    public override string? Identity => Weights.Identity is { } weights ? $"winograd 4x4:{weights}:{PanelOutputs}:{MatrixLayout:x8}" : null;

    /// <inheritdoc/>
    public override int PanelCount => OutputPanels;

    /// <inheritdoc/>
    public override long PackScratchBytes => CountedMemory.Align(GatherBytes) + MatrixScratchBytes(_channels);

    private float* Zeros => (float*)_zeroPart.In(_context!.Scratch);

    private float* Kept => (float*)_keptPart.In(_context!.Scratch);

    /// <inheritdoc/>
    public override long? Lead(int input) => input == 0 && _directPart.Length > 0 && Types.StripeStride == 0 ? Tiles.Lead(_stripRows, Types.ResultRowBytes(Weights.Outputs)) : null;

    /// <inheritdoc/>
    public override long PackedBytes(int panel) => WinogradTransform.Positions * MatrixBytesOf(panel);

    /// <inheritdoc/>
    public override void Pack(int panel, byte* source, float* bias, byte* scratch, byte* destination, WeightReader? reader)
    {
        float* gathered = Weights.Gather(source, panel * PanelOutputs, Outputs(panel), (float*)scratch);
        for (int position = 0; position < WinogradTransform.Positions; position++)
        {
            PackMatrix(panel, position, gathered, _channels, scratch + CountedMemory.Align(GatherBytes), destination + position * MatrixBytesOf(panel));
        }
    }

    /// <inheritdoc/>
    public override void RunSets(KernelContext[] sets)
    {
        // Panels are in the memory of the first set.
        KernelContext context = sets[0];
        if (!Weights.IsStreamed && sets.Length > 1 && sets[0].Input(1) != sets[1].Input(1))
        {
            // The weight is a computed tensor: each set has panels of its own.
            Array.ForEach(sets, Run);
            return;
        }

        _sets = sets;
        ExtendDirect(sets.Length);
        for (int set = 0; set < sets.Length; set++)
        {
            TurnTo(set);
            new Span<float>(Zeros, _channels).Clear();
            if (_isKept)
            {
                context.Workers.Parallelize(_transformation, Tiles.Rows);
            }
        }

        for (_panel = 0; _panel < OutputPanels; _panel++)
        {
            context.CancellationToken.ThrowIfCancellationRequested();
            _packed = Source.TryAcquire(context, _panel, _packedPart.In(context.Scratch), context.Workers);
            if (_packed is null)
            {
                PackPanel(context);
            }

            try
            {
                for (int set = 0; set < sets.Length; set++)
                {
                    TurnTo(set);
                    ComputePanel(sets[set]);
                }
            }
            finally
            {
                Source.Release(context, _panel);
            }
        }

        for (int set = 0; set < sets.Length; set++)
        {
            if (!sets[set].Overlaps(0))
            {
                Direct(set).Run(sets[set]);
            }
        }

        (_sets, _context) = ([], null);
    }

    private void TurnTo(int set) => (_set, _context) = (set, _sets[set]);

    private void ComputePanel(KernelContext context)
    {
        bool isOverlapped = context.Overlaps(0);
        int strip = isOverlapped ? _stripRows * Tiles.Columns : Tiles.Count;
        for (int first = 0; first < Tiles.Count; first += strip)
        {
            context.CancellationToken.ThrowIfCancellationRequested();
            (_firstTile, _lastTile) = (first, Math.Min(first + strip, Tiles.Count));
            context.Workers.Parallelize(_blocks, (_lastTile - _firstTile + _blockTiles - 1) / _blockTiles);
            if (isOverlapped)
            {
                Direct(_set).Run(context, _directPart.In(context.Scratch), first, _lastTile - first);
            }
        }
    }

    private void PackPanel(KernelContext context)
    {
        TurnTo(0);
        byte* source = Weights.IsStreamed ? context.AcquireWeight(_panel) : context.Input(1) + (long)_panel * PanelOutputs * Weights.PerOutput * sizeof(float);
        try
        {
            _packed = Source.PackInto(_panel, _packedPart.In(context.Scratch));
            _gathered = (byte*)Weights.Gather(source, _panel * PanelOutputs, Outputs(_panel), (float*)_gatheredPart.In(context.Scratch));
            context.Workers.Parallelize(_packing, WinogradTransform.Positions);
            Source.SetPacked(_panel);
        }
        finally
        {
            if (Weights.IsStreamed)
            {
                context.ReleaseWeight(_panel);
            }
        }
    }

    private long InputBytes(int tiles) => WinogradTransform.Positions * (long)tiles * _channels * sizeof(float);

    // A row of sums has room for at least one vector.
    private int SumStride(int panel) => Math.Max(Outputs(panel), Vector<float>.Count);

    private byte* Worker(int slot) => _workerPart.In(_context!.Scratch, slot);

    private float* TileMemory(int slot) => (float*)_tilePart.In(Worker(slot));

    // Transformed tiles side by side for each position; "stride" numbers from one position to the next.
    private void TransformInputs(int first, int count, float* destination, long stride, float* expanded)
    {
        if (_isKept || _panel == 0)
        {
            Direct(_set).Examine(_context!.Input(0), first, count);
        }

        float** pixels = stackalloc float*[WinogradTransform.Positions];
        for (int tile = 0; tile < count; tile++)
        {
            Tiles.FindPixels(_context!.Input(0), first + tile, 0, _channels, AllRows, Zeros, expanded, pixels);
            WinogradTransform.TransformInput(pixels, _channels, destination + (long)tile * _channels, stride);
        }
    }

    // All tiles of a row of tiles, for panels that share them.
    private sealed class Transformation(WinogradConvolutionKernel kernel) : IParallelBody
    {
        public void Execute(int index)
        {
            int slot = kernel.Slots.Acquire();
            try
            {
                kernel.TransformInputs(
                    index * kernel.Tiles.Columns, kernel.Tiles.Columns, kernel.Kept + (long)index * kernel.Tiles.Columns * kernel._channels, (long)kernel.Tiles.Count * kernel._channels, kernel.TileMemory(slot));
            }
            finally
            {
                kernel.Slots.Release(slot);
            }
        }
    }

    private sealed class Packing(WinogradConvolutionKernel kernel) : IParallelBody
    {
        public void Execute(int index)
        {
            int slot = kernel.Slots.Acquire();
            try
            {
                long bytes = kernel.MatrixBytesOf(kernel._panel);
                byte* matrix = kernel._packed + index * bytes;
                kernel.PackMatrix(kernel._panel, index, (float*)kernel._gathered, kernel._channels, kernel._packPart.In(kernel.Worker(slot)), matrix);
                kernel.Format.Round(matrix, bytes);
            }
            finally
            {
                kernel.Slots.Release(slot);
            }
        }
    }

    private sealed class Blocks(WinogradConvolutionKernel kernel) : IParallelBody
    {
        public void Execute(int index)
        {
            int first = kernel._firstTile + index * kernel._blockTiles;
            int count = Math.Min(kernel._blockTiles, kernel._lastTile - first);
            int slot = kernel.Slots.Acquire();
            try
            {
                float* inputs = (float*)kernel._inputPart.In(kernel.Worker(slot));
                float* sums = (float*)kernel._sumPart.In(kernel.Worker(slot));
                long inputStride = (long)kernel._blockTiles * kernel._channels;
                if (kernel._isKept)
                {
                    inputs = kernel.Kept + (long)first * kernel._channels;
                    inputStride = (long)kernel.Tiles.Count * kernel._channels;
                }
                else
                {
                    kernel.TransformInputs(first, count, inputs, inputStride, kernel.TileMemory(slot));
                }

                int panel = kernel._panel;
                int stride = kernel.SumStride(panel);
                for (int position = 0; position < WinogradTransform.Positions; position++)
                {
                    kernel.Multiply(
                        slot, panel, kernel._packed + position * kernel.MatrixBytesOf(panel), count, inputs + position * inputStride,
                        sums + (long)position * kernel._blockTiles * stride, kernel._context!.Call.NodeName);
                }

                TransformOutputs(first, count, sums, stride, kernel.TileMemory(slot));
            }
            finally
            {
                kernel.Slots.Release(slot);
            }
        }

        private void TransformOutputs(int first, int count, float* sums, int stride, float* exact)
        {
            Vector<float>* tileOutputs = stackalloc Vector<float>[WinogradTransform.TileOutputs * WinogradTransform.TileOutputs];
            int panel = kernel._panel;
            int panelOutputs = kernel.Outputs(panel);
            long outputStride = kernel.Types.ResultStride(kernel.Weights.Outputs);
            Vector<float> low = new(kernel.Parameters.Low);
            Vector<float> high = new(kernel.Parameters.High);
            float* bias = kernel.BiasFrom(kernel._context!, panel * kernel.PanelOutputs);
            for (int tile = 0; tile < count; tile++)
            {
                (long firstPixel, int rows, int columns) = kernel.Tiles.Results(first + tile);
                byte* output = kernel._context!.Output(0) + kernel.Types.ResultOffset(firstPixel, kernel.Weights.Outputs, panel * kernel.PanelOutputs);
                bool isRounded = kernel.Types.Rounds;
                float* target = isRounded ? exact : (float*)output;
                long pixelStride = isRounded ? panelOutputs : outputStride;
                long rowStride = (isRounded ? WinogradTransform.TileOutputs : kernel.Tiles.OutputWidth) * pixelStride;
                for (int i = 0; i < panelOutputs; i += Vector<float>.Count)
                {
                    int channel = Math.Max(0, Math.Min(i, panelOutputs - Vector<float>.Count));
                    int lanes = Math.Min(Vector<float>.Count, panelOutputs);
                    Vector<float> offset = bias is null ? default : lanes == Vector<float>.Count ? Vector.Load(bias + channel) : Partial(bias, lanes);
                    WinogradTransform.TransformOutput(sums + (long)tile * stride + channel, (long)kernel._blockTiles * stride, tileOutputs);
                    for (int y = 0; y < rows; y++)
                    {
                        float* pixel = target + y * rowStride + channel;
                        for (int x = 0; x < columns; x++, pixel += pixelStride)
                        {
                            Vector<float> result = Vector.Min(Vector.Max(tileOutputs[y * WinogradTransform.TileOutputs + x] + offset, low), high);
                            if (lanes == Vector<float>.Count)
                            {
                                result.Store(pixel);
                            }
                            else
                            {
                                for (int lane = 0; lane < lanes; lane++)
                                {
                                    pixel[lane] = result[lane];
                                }
                            }
                        }
                    }
                }

                if (isRounded)
                {
                    kernel.RoundTile(first + tile, exact, panelOutputs, kernel._context.Output(0), panel * kernel.PanelOutputs, panelOutputs);
                }
            }
        }

        private static Vector<float> Partial(float* source, int count)
        {
            Vector<float> result = default;
            for (int i = 0; i < count; i++)
            {
                result = result.WithElement(i, source[i]);
            }

            return result;
        }
    }
}
