using System.Numerics;
using OnnxStream.Interop.Native;
using OnnxStream.Interop.Panels;
using OnnxStream.Interop.Tensors;
using OnnxStream.Interop.Weights;

namespace OnnxStream.Interop.Kernels;

/// <summary>3x3 convolution with stride 1 on channels-last tensors by Winograd's algorithm: a quarter of the multiplications, done by XNNPACK.</summary>
/// <remarks>
/// <para>
/// A panel holds 36 packed matrices, one for each position of transformed kernels (<see cref="WinogradTransform"/>). All workers share a
/// panel; each takes blocks of tiles, whose transformed inputs and sums stay in the cache, so that neither exists for the whole image.
/// Where there are several panels and the transformed inputs are small, they are kept from panel to panel; else they are made again.
/// </para>
/// <para>Inputs of the step: data [N,H,W,C], then the weight unless it is streamed, then the bias if there is one.</para>
/// </remarks>
internal sealed unsafe class WinogradConvolutionKernel : Kernel, IPanelLayer
{
    // Large enough that the inputs are not transformed too often, small enough for the outer cache.
    private const long PanelBytes = 8 << 20;

    // Transformed inputs that are kept must not need more memory than what is around them: images are small where channels are many.
    private const long KeptBytes = 12 << 20;

    // What a block may take of the cache of one core and a little more.
    private const long BlockBytes = 2 << 20;

    // A whole number of XNNPACK's row tiles, nearly: they have 4 to 7 rows, and 14 with AVX-512.
    private const int LeastTiles = 16;

    private const int ChannelTile = 32;

    private const int AllRows = (1 << WinogradTransform.TileInputs) - 1;

    private readonly PanelWeights _weights;
    private readonly PanelFormat _format;
    private readonly MatrixProduct _product;
    private readonly MatrixProduct _lastProduct;
    private readonly bool _hasBias;
    private readonly WinogradTiles _tiles;
    private readonly ConvolutionParameters _parameters;
    private readonly StorageTypes _types;
    private readonly int _channels;
    private readonly int _tileCount;
    private readonly int _panelOutputs;
    private readonly int _panelCount;
    private readonly int _blockTiles;
    private readonly int _blockCount;
    private readonly int _workers;
    private readonly bool _isKept;
    private readonly long _positionBytes;
    private readonly long _lastPositionBytes;
    private readonly uint _layout;
    private readonly WorkerSlots _slots;
    private readonly PanelOperator?[] _operators;
    private readonly PanelOperator?[] _lastOperators;
    private readonly WeightRange[] _unpacked;
    private readonly Blocks _blocks;
    private readonly Transformation _transformation;
    private readonly Packing _packing;
    private readonly PanelSource _source;
    private readonly DirectTiles _direct;
    private KernelContext? _context;
    private int _panel;
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
    {
        _tiles = new WinogradTiles(input, parameters, types, isUpsampled);
        _format = weights.Format;
        _types = types;
        _weights = weights;
        _hasBias = hasBias;
        _parameters = parameters;
        _workers = workers.WorkerCount;
        _channels = _tiles.Channels;
        _tileCount = _tiles.Count;
        Flops = 2 * input[0] * _tiles.OutputHeight * _tiles.OutputWidth * weights.Outputs * weights.PerOutput;

        // The same for images of all sizes: they share the panels of a store.
        long fitting = Math.Max(1, PanelBytes / (WinogradTransform.Positions * (long)_channels * sizeof(float) * ChannelTile)) * ChannelTile;
        int panels = (int)((weights.Outputs + fitting - 1) / fitting);
        _panelOutputs = Math.Min(weights.Outputs, ((weights.Outputs + panels - 1) / panels + ChannelTile - 1) / ChannelTile * ChannelTile);
        _panelCount = (weights.Outputs + _panelOutputs - 1) / _panelOutputs;

        long tiles = Math.Max(LeastTiles, BlockBytes / (WinogradTransform.Positions * (long)(_channels + _panelOutputs) * sizeof(float)));
        int blocks = (int)((_tileCount + tiles - 1) / tiles);
        blocks = _tileCount < _workers * LeastTiles ? blocks : (blocks + _workers - 1) / _workers * _workers;
        _blockTiles = (_tileCount + blocks - 1) / blocks;
        _blockCount = (_tileCount + _blockTiles - 1) / _blockTiles;

        _isKept = _panelCount > 1 && InputBytes(_tileCount) <= KeptBytes;
        _slots = new WorkerSlots(_workers);
        _direct = new DirectTiles(weights, hasBias, _tiles, parameters, types, _slots);
        _operators = new PanelOperator?[_workers];
        _lastOperators = new PanelOperator?[_workers];
        _unpacked = weights.Ranges(_panelOutputs);
        _blocks = new Blocks(this);
        _transformation = new Transformation(this);
        _packing = new Packing(this);
        _product = new MatrixProduct(_channels) { OutputStride = SumStride(0) };
        _lastProduct = new MatrixProduct(_channels) { OutputStride = SumStride(_panelCount - 1) };
        (long positionBytes, _layout) = _format.Measure(_product, _panelOutputs, Name);
        (long lastPositionBytes, _) = _format.Measure(_lastProduct, Outputs(_panelCount - 1), Name);
        (_positionBytes, _lastPositionBytes) = (CountedMemory.Align(positionBytes), CountedMemory.Align(lastPositionBytes));
        try
        {
            for (int i = 0; i < _workers; i++)
            {
                _operators[i] = PanelOperator.Create(_format, _product, _panelOutputs, hasBias: false, Name);
                _lastOperators[i] = Outputs(_panelCount - 1) == _panelOutputs ? _operators[i] : PanelOperator.Create(_format, _lastProduct, Outputs(_panelCount - 1), hasBias: false, Name);
            }

            _source = weights.Sources.Open(this);
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    /// <inheritdoc/>
    public override string Name => "winograd convolution";

    /// <inheritdoc/>
    public override long Flops { get; }

    /// <inheritdoc/>
    public override long ScratchBytes => PackedScratchBytes + _workers * WorkerBytes + CountedMemory.Align(_channels * sizeof(float)) + (_isKept ? InputBytes(_tileCount) : 0);

    /// <inheritdoc/>
    public override IReadOnlyList<WeightRange> StreamedWeights => _source.Ranges;

    /// <inheritdoc/>
    public PanelFormat Format => _format;

    /// <inheritdoc/>
    public string? Identity => _weights.Identity is { } weights ? $"winograd 4x4:{weights}:{_panelOutputs}:{_layout:x8}" : null;

    /// <inheritdoc/>
    public int PanelCount => _panelCount;

    /// <inheritdoc/>
    public Constant? Bias => null;

    /// <inheritdoc/>
    public IReadOnlyList<WeightRange> UnpackedWeights => _unpacked;

    /// <inheritdoc/>
    public WeightRange? PartlyRead => null;

    /// <inheritdoc/>
    public long PackScratchBytes => GatherBytes + PackWorkerBytes;

    private long GatherBytes => CountedMemory.Align(_weights.GatherBytes(_panelOutputs));

    // XNNPACK's weights cache and one transformed matrix.
    private long PackWorkerBytes => _format.PackScratchBytes(_product, _panelOutputs) + CountedMemory.Align((long)_panelOutputs * _channels * sizeof(float));

    // Packing memory of the workers lies where their blocks do later.
    private long PackedScratchBytes => (_source.NeedsMemory ? WinogradTransform.Positions * _positionBytes : 0) + (_source.IsStored ? 0 : GatherBytes);

    private long InputBytes(int tiles) => CountedMemory.Align(WinogradTransform.Positions * (long)tiles * _channels * sizeof(float));

    private long BlockInputBytes => _isKept ? 0 : InputBytes(_blockTiles);

    private long WorkerBytes => Math.Max(_direct.WorkerBytes, TileBytes + Math.Max(
        BlockInputBytes + CountedMemory.Align(WinogradTransform.Positions * (long)_blockTiles * SumStride(0) * sizeof(float) + Vector<float>.Count * sizeof(float)),
        _source.IsStored ? 0 : PackWorkerBytes));

    // A tile's pixels in single precision, where they are stored in half: read, or written.
    private long TileBytes => CountedMemory.Align(sizeof(float) * Math.Max(
        _types.ReadsHalf ? WinogradTransform.Positions * (long)_channels : 0,
        _types.WritesHalf ? WinogradTransform.TileOutputs * WinogradTransform.TileOutputs * (long)_panelOutputs : 0));

    private float* Zeros => (float*)(_context!.Scratch + PackedScratchBytes + _workers * WorkerBytes);

    private float* Kept => (float*)((byte*)Zeros + CountedMemory.Align(_channels * sizeof(float)));

    /// <inheritdoc/>
    public long PackedBytes(int panel) => WinogradTransform.Positions * PositionBytes(panel);

    /// <inheritdoc/>
    public void Pack(int panel, byte* source, float* bias, byte* scratch, byte* destination, WeightReader? reader)
    {
        float* gathered = _weights.Gather(source, panel * _panelOutputs, Outputs(panel), (float*)scratch);
        for (int position = 0; position < WinogradTransform.Positions; position++)
        {
            PackPosition(panel, gathered, position, scratch + GatherBytes, destination);
        }
    }

    /// <inheritdoc/>
    public override void Run(KernelContext context)
    {
        _context = context;
        new Span<float>(Zeros, _channels).Clear();
        if (_isKept)
        {
            context.Workers.Parallelize(_transformation, _tiles.Rows);
        }

        for (_panel = 0; _panel < _panelCount; _panel++)
        {
            context.CancellationToken.ThrowIfCancellationRequested();
            _packed = _source.TryAcquire(context, _panel, context.Scratch, context.Workers);
            if (_packed is null)
            {
                PackPanel(context);
            }

            try
            {
                context.Workers.Parallelize(_blocks, _blockCount);
            }
            finally
            {
                _source.Release(context, _panel);
            }
        }

        _direct.Run(context, context.Scratch + PackedScratchBytes);
        _context = null;
    }

    private void PackPanel(KernelContext context)
    {
        byte* source = _weights.IsStreamed ? context.AcquireWeight(_panel) : context.Input(1) + (long)_panel * _panelOutputs * _weights.PerOutput * sizeof(float);
        try
        {
            _packed = _source.PackInto(_panel, context.Scratch);
            _gathered = (byte*)_weights.Gather(source, _panel * _panelOutputs, Outputs(_panel), (float*)(context.Scratch + WinogradTransform.Positions * _positionBytes));
            context.Workers.Parallelize(_packing, WinogradTransform.Positions);
            _source.SetPacked(_panel);
        }
        finally
        {
            if (_weights.IsStreamed)
            {
                context.ReleaseWeight(_panel);
            }
        }
    }

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        foreach (PanelOperator? created in _operators.Concat(_lastOperators).Distinct())
        {
            created?.Dispose();
        }

        base.Dispose(disposing);
    }

    private int Outputs(int panel) => Math.Min(_panelOutputs, _weights.Outputs - panel * _panelOutputs);

    private long PositionBytes(int panel) => panel < _panelCount - 1 ? _positionBytes : _lastPositionBytes;

    // A row of sums has room for at least one vector.
    private int SumStride(int panel) => Math.Max(Outputs(panel), Vector<float>.Count);

    private float* TileMemory(int slot) => (float*)(_context!.Scratch + PackedScratchBytes + slot * WorkerBytes);

    private byte* WorkerMemory(int slot) => (byte*)TileMemory(slot) + TileBytes;

    private void PackPosition(int panel, float* gathered, int position, byte* scratch, byte* destination)
    {
        float* transformed = (float*)(scratch + _format.PackScratchBytes(_product, _panelOutputs));
        WinogradTransform.TransformWeights(gathered, Outputs(panel), _channels, _channels, position, transformed);
        _format.Pack(panel < _panelCount - 1 ? _product : _lastProduct, Outputs(panel), transformed, null, scratch, destination + position * PositionBytes(panel), PositionBytes(panel), $"panel {panel}");
    }

    // Transformed tiles side by side for each position; "stride" numbers from one position to the next.
    private void TransformInputs(int first, int count, float* destination, long stride, float* expanded)
    {
        if (_isKept || _panel == 0)
        {
            _direct.Examine(_context!.Input(0), first, count);
        }

        float** pixels = stackalloc float*[WinogradTransform.Positions];
        for (int tile = 0; tile < count; tile++)
        {
            _tiles.FindPixels(_context!.Input(0), first + tile, 0, _channels, AllRows, Zeros, expanded, pixels);
            WinogradTransform.TransformInput(pixels, _channels, destination + (long)tile * _channels, stride);
        }
    }

    // All tiles of a row of tiles, for panels that share them.
    private sealed class Transformation(WinogradConvolutionKernel kernel) : IParallelBody
    {
        public void Execute(int index)
        {
            int slot = kernel._slots.Acquire();
            try
            {
                kernel.TransformInputs(
                    index * kernel._tiles.Columns, kernel._tiles.Columns, kernel.Kept + (long)index * kernel._tiles.Columns * kernel._channels, (long)kernel._tileCount * kernel._channels, kernel.TileMemory(slot));
            }
            finally
            {
                kernel._slots.Release(slot);
            }
        }
    }

    private sealed class Packing(WinogradConvolutionKernel kernel) : IParallelBody
    {
        public void Execute(int index)
        {
            int slot = kernel._slots.Acquire();
            try
            {
                kernel.PackPosition(kernel._panel, (float*)kernel._gathered, index, kernel.WorkerMemory(slot), kernel._packed);
            }
            finally
            {
                kernel._slots.Release(slot);
            }
        }
    }

    private sealed class Blocks(WinogradConvolutionKernel kernel) : IParallelBody
    {
        public void Execute(int index)
        {
            int first = index * kernel._blockTiles;
            int count = Math.Min(kernel._blockTiles, kernel._tileCount - first);
            int slot = kernel._slots.Acquire();
            try
            {
                float* inputs = (float*)kernel.WorkerMemory(slot);
                float* sums = (float*)((byte*)inputs + kernel.BlockInputBytes);
                long inputStride = (long)kernel._blockTiles * kernel._channels;
                if (kernel._isKept)
                {
                    inputs = kernel.Kept + (long)first * kernel._channels;
                    inputStride = (long)kernel._tileCount * kernel._channels;
                }
                else
                {
                    kernel.TransformInputs(first, count, inputs, inputStride, kernel.TileMemory(slot));
                }

                int panel = kernel._panel;
                int stride = kernel.SumStride(panel);
                PanelOperator multiplication = (panel < kernel._panelCount - 1 ? kernel._operators : kernel._lastOperators)[slot]!;
                for (int position = 0; position < WinogradTransform.Positions; position++)
                {
                    multiplication.Multiply(
                        kernel._packed + position * kernel.PositionBytes(panel), count, inputs + position * inputStride,
                        sums + (long)position * kernel._blockTiles * stride, kernel._context!.Call.NodeName);
                }

                TransformOutputs(first, count, sums, stride, kernel.TileMemory(slot));
            }
            finally
            {
                kernel._slots.Release(slot);
            }
        }

        private void TransformOutputs(int first, int count, float* sums, int stride, float* exact)
        {
            Vector<float>* tileOutputs = stackalloc Vector<float>[WinogradTransform.TileOutputs * WinogradTransform.TileOutputs];
            int panel = kernel._panel;
            int panelOutputs = kernel.Outputs(panel);
            long outputStride = kernel._types.ResultStride(kernel._weights.Outputs);
            Vector<float> low = new(kernel._parameters.Low);
            Vector<float> high = new(kernel._parameters.High);
            float* bias = kernel._hasBias ? (float*)kernel._context!.Input(kernel._weights.IsStreamed ? 1 : 2) + panel * kernel._panelOutputs : null;
            for (int tile = 0; tile < count; tile++)
            {
                (long firstPixel, int rows, int columns) = kernel._tiles.Results(first + tile);
                byte* output = kernel._context!.Output(0) + (firstPixel * outputStride + panel * kernel._panelOutputs) * kernel._types.OutputSize;
                bool isRounded = kernel._types.WritesHalf;
                float* target = isRounded ? exact : (float*)output;
                long pixelStride = isRounded ? panelOutputs : outputStride;
                long rowStride = (isRounded ? WinogradTransform.TileOutputs : kernel._tiles.OutputWidth) * pixelStride;
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

                for (int i = 0; isRounded && i < rows * columns; i++)
                {
                    (int y, int x) = Math.DivRem(i, columns);
                    StorageTypes.Round(target + y * rowStride + x * pixelStride, output + ((long)y * kernel._tiles.OutputWidth + x) * outputStride * kernel._types.OutputSize, panelOutputs);
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
