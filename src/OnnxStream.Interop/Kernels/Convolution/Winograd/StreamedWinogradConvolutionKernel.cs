using System.Numerics;
using OnnxStream.Interop.Native;
using OnnxStream.Interop.Panels;
using OnnxStream.Interop.Tensors;
using OnnxStream.Interop.Weights;

namespace OnnxStream.Interop.Kernels;

/// <summary>3x3 convolution with stride 1 by Winograd's algorithm where weights are many and pixels are few: the image stays, packed weights pass by.</summary>
/// <remarks>
/// <para>
/// <see cref="WinogradConvolutionKernel"/> keeps a panel of all 36 positions while the image passes by: megabytes of weights in use. Here a
/// panel is a part of one position: some outputs, some channels, half a megabyte. Positions are worked through row by row of the transformed
/// tiles (<see cref="WinogradTransform.TransformInputRow"/>), so that a sixth of the transformed image exists at a time; what a row
/// contributes is added to the results. Each worker multiplies with panels of its own.
/// </para>
/// <para>A run is a loop over groups of outputs, rows of positions and slices of channels. Panels come from a store only, in that order.</para>
/// <para>Inputs of the step: data [N,H,W,C], then the bias if there is one.</para>
/// </remarks>
internal sealed unsafe class StreamedWinogradConvolutionKernel : Kernel, IPanelLayer
{
    // A panel, the transformed row of an image, and the sums and results of a group of outputs: small enough for the outer caches, and small
    // beside the activations of the layers that this is for.
    private const long PanelBytes = 512 << 10;
    private const long KeptBytes = 3 << 20;
    private const long ResultBytes = 4 << 20;

    // The sums and results of a panel with so many outputs are that small for images of 64x64. The same for images of all sizes: they share
    // the panels of a store.
    private const int MostPanelOutputs = 160;

    private const int ChannelTile = 32;

    // A slice of channels is made of whole vectors of any processor, and is long enough for the multiplication.
    private const int SliceTile = 16;
    private const int LeastSlice = 64;

    // The outer rows come first: then the last row adds to all results, and finishes them.
    private static readonly int[] s_rows = [0, 5, 1, 2, 3, 4];

    private readonly PanelWeights _weights;
    private readonly PanelFormat _format;
    private readonly MatrixProduct _product;
    private readonly bool _hasBias;
    private readonly WinogradTiles _tiles;
    private readonly ConvolutionParameters _parameters;
    private readonly StorageTypes _types;
    private readonly int _slices;
    private readonly int _sliceChannels;
    private readonly int _panelOutputs;
    private readonly int _panelsOfAll;
    private readonly int _panelsOfGroup;
    private readonly int _groups;
    private readonly int _workers;
    private readonly long _packedBytes;
    private readonly long _lastPackedBytes;
    private readonly uint _layout;
    private readonly WorkerSlots _slots;
    private readonly PanelOperator?[] _operators;
    private readonly PanelOperator?[] _lastOperators;
    private readonly Pass[] _passes;
    private readonly WeightRange[] _unpacked;
    private readonly Multiplication _multiplication;
    private readonly Transformation _transformation;
    private readonly PanelSource _source;
    private readonly DirectTiles _direct;
    private KernelContext? _context;
    private Pass? _next;
    private Pass? _previous;

    /// <summary>Makes the kernel for an input of shape [N,H,W,C].</summary>
    /// <param name="weights">The weight, in its file.</param>
    /// <param name="hasBias">Whether there is a bias.</param>
    /// <param name="input">The shape of what is convolved.</param>
    /// <param name="parameters">The geometry.</param>
    /// <param name="workers">The threads.</param>
    /// <param name="types">How data and results are stored.</param>
    /// <param name="isUpsampled">Whether the data has half the height and width, and each of its pixels stands for four.</param>
    public StreamedWinogradConvolutionKernel(PanelWeights weights, bool hasBias, Shape input, ConvolutionParameters parameters, WorkerPool workers, StorageTypes types = default, bool isUpsampled = false)
    {
        _weights = weights;
        _hasBias = hasBias;
        _tiles = new WinogradTiles(input, parameters, types, isUpsampled);
        _parameters = parameters;
        _types = types;
        _workers = workers.WorkerCount;
        Flops = 2 * input[0] * _tiles.OutputHeight * _tiles.OutputWidth * weights.Outputs * weights.PerOutput;

        _slices = ChooseSlices(_tiles);
        _sliceChannels = _tiles.Channels / _slices;
        // As if results were rounded, whether they are or not.
        long bytesOfOutput = _tiles.Count * (long)sizeof(float) * (WinogradTransform.TileInputs + WinogradTransform.TileOutputs * WinogradTransform.TileOutputs);
        int fitting = (int)Math.Max(1, Math.Min(PanelBytes / (_sliceChannels * sizeof(float)), MostPanelOutputs) / ChannelTile) * ChannelTile;
        int panels = (weights.Outputs + fitting - 1) / fitting;
        _panelOutputs = Math.Min(weights.Outputs, ((weights.Outputs + panels - 1) / panels + ChannelTile - 1) / ChannelTile * ChannelTile);
        _panelsOfAll = (weights.Outputs + _panelOutputs - 1) / _panelOutputs;
        _groups = (int)((_panelsOfAll * _panelOutputs * bytesOfOutput + ResultBytes - 1) / ResultBytes);
        _panelsOfGroup = (_panelsOfAll + _groups - 1) / _groups;
        _groups = (_panelsOfAll + _panelsOfGroup - 1) / _panelsOfGroup;

        _slots = new WorkerSlots(_workers);
        _direct = new DirectTiles(weights, hasBias, _tiles, parameters, types, _slots);
        _operators = new PanelOperator?[_workers];
        _lastOperators = new PanelOperator?[_workers];
        WeightRange[] ranges = weights.Ranges(_panelOutputs);
        _passes = [.. Passes()];
        _unpacked = [.. Enumerable.Range(0, WinogradTransform.TileInputs * _slices).SelectMany(_ => ranges)];
        _multiplication = new Multiplication(this);
        _transformation = new Transformation(this);
        _format = weights.Format;
        _product = new MatrixProduct(_sliceChannels) { OutputStride = GroupOutputs };
        (long packedBytes, _layout) = _format.Measure(_product, _panelOutputs, Name);
        (long lastPackedBytes, _) = _format.Measure(_product, Outputs(_panelsOfAll - 1), Name);
        (_packedBytes, _lastPackedBytes) = (CountedMemory.Align(packedBytes), CountedMemory.Align(lastPackedBytes));
        try
        {
            for (int i = 0; i < _workers; i++)
            {
                _operators[i] = PanelOperator.Create(_format, _product, _panelOutputs, hasBias: false, Name);
                _lastOperators[i] = Outputs(_panelsOfAll - 1) == _panelOutputs ? _operators[i] : PanelOperator.Create(_format, _product, Outputs(_panelsOfAll - 1), hasBias: false, Name);
            }

            _source = weights.Sources.Open(this, [.. _passes.SelectMany(pass => Enumerable.Range(0, pass.PanelCount * WinogradTransform.TileInputs).Select(index => StoredIndex(pass, index)))]);
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    /// <inheritdoc/>
    public override string Name => "streamed winograd convolution";

    /// <inheritdoc/>
    public override long Flops { get; }

    /// <inheritdoc/>
    public override long ScratchBytes => Math.Max(_workers * SlotBytes + ZeroBytes + KeptImageBytes + SumBytes + ExactBytes, _workers * _direct.WorkerBytes);

    /// <inheritdoc/>
    public override IReadOnlyList<WeightRange> StreamedWeights => _source.Ranges;

    /// <inheritdoc/>
    public override long WeightsInUse(WeightMeasure measure) => _workers * base.WeightsInUse(measure);

    /// <inheritdoc/>
    public PanelFormat Format => _format;

    /// <inheritdoc/>
    public string? Identity => _weights.Identity is { } weights ? $"streamed winograd 4x4:{weights}:{_panelOutputs}:{_slices}:{_layout:x8}" : null;

    /// <inheritdoc/>
    public int PanelCount => WinogradTransform.Positions * _slices * _panelsOfAll;

    /// <inheritdoc/>
    public int PanelsAtOnce => WinogradTransform.TileInputs;

    /// <inheritdoc/>
    public Constant? Bias => null;

    /// <inheritdoc/>
    public IReadOnlyList<WeightRange> UnpackedWeights => _unpacked;

    /// <inheritdoc/>
    public WeightRange? PartlyRead => null;

    /// <inheritdoc/>
    public long PackScratchBytes => GatherBytes + _format.PackScratchBytes(_product, _panelOutputs) + CountedMemory.Align((long)_panelOutputs * _sliceChannels * sizeof(float));

    private int GroupOutputs => Math.Min(_panelsOfGroup * _panelOutputs, _weights.Outputs);

    private long GatherBytes => CountedMemory.Align(_weights.GatherBytes(_panelOutputs));

    // A tile's pixels in single precision where they are stored in half, or a panel likewise.
    private long SlotBytes => CountedMemory.Align(Math.Max(
        _types.ReadsHalf ? WinogradTransform.Positions * (long)_sliceChannels * sizeof(float) : 0,
        _source.NeedsMemory ? _packedBytes : 0));

    private long ZeroBytes => CountedMemory.Align(_sliceChannels * sizeof(float));

    private long KeptImageBytes => CountedMemory.Align(WinogradTransform.TileInputs * (long)_tiles.Count * _sliceChannels * sizeof(float));

    private long SumBytes => CountedMemory.Align(WinogradTransform.TileInputs * (long)_tiles.Count * GroupOutputs * sizeof(float));

    // Results before they are rounded.
    private long ExactBytes => _types.WritesHalf ? CountedMemory.Align(WinogradTransform.TileOutputs * WinogradTransform.TileOutputs * (long)_tiles.Count * GroupOutputs * sizeof(float)) : 0;

    private float* Zeros => (float*)(_context!.Scratch + _workers * SlotBytes);

    // [position of the row, tile, channel]
    private float* Kept => (float*)((byte*)Zeros + ZeroBytes);

    // [position of the row, tile, output]
    private float* Sums => (float*)((byte*)Kept + KeptImageBytes);

    // [tile, row, column, output]
    private float* Exact => (float*)((byte*)Sums + SumBytes);

    /// <summary>Whether a convolution can be computed like this: slices of channels, and outputs, are whole vectors.</summary>
    public static bool Supports(ConvolutionParameters parameters, long channels, long outputs) =>
        WinogradTiles.Fit(parameters) && outputs % SliceTile == 0 && channels >= SliceTile;

    /// <inheritdoc/>
    public long PackedBytes(int panel) => Find(panel).Panel < _panelsOfAll - 1 ? _packedBytes : _lastPackedBytes;

    /// <inheritdoc/>
    public void Pack(int panel, byte* source, float* bias, byte* scratch, byte* destination, WeightReader? reader)
    {
        (int row, int slice, int outputs) = Find(panel);
        float* gathered = _weights.Gather(source, outputs * _panelOutputs, Outputs(outputs), (float*)scratch);
        byte* slot = scratch + GatherBytes;
        float* transformed = (float*)(slot + _format.PackScratchBytes(_product, _panelOutputs));
        for (int column = 0; column < WinogradTransform.TileInputs; column++)
        {
            WinogradTransform.TransformWeights(
                gathered + slice * _sliceChannels, Outputs(outputs), _sliceChannels, _tiles.Channels, row * WinogradTransform.TileInputs + column, transformed);
            _format.Pack(_product, Outputs(outputs), transformed, null, slot, destination + column * PackedBytes(panel), PackedBytes(panel), $"panel {panel + column}");
        }
    }

    /// <inheritdoc/>
    public override void Run(KernelContext context)
    {
        _context = context;
        new Span<float>(Zeros, _sliceChannels).Clear();
        _previous = null;
        foreach (Pass pass in _passes)
        {
            context.CancellationToken.ThrowIfCancellationRequested();

            // What the last pass summed is added up while the next one's image is transformed.
            _next = pass;
            context.Workers.Parallelize(_transformation, (_previous is null ? 1 : 2) * _tiles.Rows);
            context.Workers.Parallelize(_multiplication, pass.PanelCount * WinogradTransform.TileInputs);
            _previous = pass;
        }

        _next = null;
        context.Workers.Parallelize(_transformation, _tiles.Rows);
        _direct.Run(context, context.Scratch);
        _context = null;
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

    // As few slices as keep a row of the transformed image small, if the channels can be divided like that.
    private static int ChooseSlices(WinogradTiles tiles)
    {
        long bytes = WinogradTransform.TileInputs * (long)tiles.Count * tiles.Channels * sizeof(float);
        int slices = 1;
        for (int more = 2; bytes > slices * KeptBytes && tiles.Channels / more >= LeastSlice; more++)
        {
            slices = tiles.Channels % (more * SliceTile) == 0 ? more : slices;
        }

        return slices;
    }

    private int Outputs(int panel) => Math.Min(_panelOutputs, _weights.Outputs - panel * _panelOutputs);

    private IEnumerable<Pass> Passes()
    {
        int first = 0;
        for (int group = 0; group < _groups; group++)
        {
            int panels = Math.Min(_panelsOfGroup, _panelsOfAll - group * _panelsOfGroup);
            foreach (int row in s_rows)
            {
                for (int slice = 0; slice < _slices; slice++)
                {
                    yield return new Pass(group * _panelsOfGroup, panels, row, slice, first);
                    first += panels * WinogradTransform.TileInputs;
                }
            }
        }
    }

    // In the store, panels lie in the order of a run with one group of outputs: row of positions, slice, outputs, column.
    private int StoredIndex(Pass pass, int index)
    {
        (int number, int column) = Math.DivRem(index, WinogradTransform.TileInputs);
        return ((Array.IndexOf(s_rows, pass.Row) * _slices + pass.Slice) * _panelsOfAll + pass.FirstPanel + number) * WinogradTransform.TileInputs + column;
    }

    // The row of positions and the slice of a stored panel, and which outputs it has.
    private (int Row, int Slice, int Panel) Find(int stored)
    {
        (int pass, int panel) = Math.DivRem(stored / WinogradTransform.TileInputs, _panelsOfAll);
        (int row, int slice) = Math.DivRem(pass, _slices);
        return (s_rows[row], slice, panel);
    }

    /// <summary>A row of positions for a slice of channels and a group of outputs.</summary>
    /// <param name="FirstPanel">The first of the group, counted over the outputs.</param>
    /// <param name="PanelCount">Panels in the group.</param>
    /// <param name="Row">The row of positions.</param>
    /// <param name="Slice">The slice.</param>
    /// <param name="FirstUse">How many panels are used before.</param>
    private sealed record Pass(int FirstPanel, int PanelCount, int Row, int Slice, int FirstUse);

    // Multiplies the transformed image with a panel.
    private sealed class Multiplication(StreamedWinogradConvolutionKernel kernel) : IParallelBody
    {
        public void Execute(int index)
        {
            (int number, int column) = Math.DivRem(index, WinogradTransform.TileInputs);
            Pass pass = kernel._next!;
            KernelContext context = kernel._context!;
            int use = pass.FirstUse + index;
            int panel = pass.FirstPanel + number;
            bool isLast = panel == kernel._panelsOfAll - 1;
            int slot = kernel._slots.Acquire();
            try
            {
                byte* packed = kernel._source.TryAcquire(context, use, context.Scratch + slot * kernel.SlotBytes);
                try
                {
                    (isLast ? kernel._lastOperators : kernel._operators)[slot]!.Multiply(
                        packed, kernel._tiles.Count, kernel.Kept + (long)column * kernel._tiles.Count * kernel._sliceChannels,
                        kernel.Sums + (long)column * kernel._tiles.Count * kernel.GroupOutputs + number * kernel._panelOutputs, context.Call.NodeName);
                }
                finally
                {
                    kernel._source.Release(context, use);
                }
            }
            finally
            {
                kernel._slots.Release(slot);
            }
        }
    }

    // For a row of tiles: adds what was summed to the results, or transforms what is multiplied next.
    private sealed class Transformation(StreamedWinogradConvolutionKernel kernel) : IParallelBody
    {
        public void Execute(int index)
        {
            if (kernel._previous is { } previous && index < kernel._tiles.Rows)
            {
                AddUp(previous, index);
            }
            else
            {
                Transform(kernel._next!, index % kernel._tiles.Rows);
            }
        }

        private void Transform(Pass pass, int tileRow)
        {
            int channels = kernel._sliceChannels;
            if (kernel._previous is null)
            {
                kernel._direct.Examine(kernel._context!.Input(0), tileRow * kernel._tiles.Columns, kernel._tiles.Columns);
            }

            float** pixels = stackalloc float*[WinogradTransform.Positions];
            int slot = kernel._slots.Acquire();
            try
            {
                float* expanded = (float*)(kernel._context!.Scratch + slot * kernel.SlotBytes);
                for (int tile = tileRow * kernel._tiles.Columns; tile < (tileRow + 1) * kernel._tiles.Columns; tile++)
                {
                    kernel._tiles.FindPixels(
                        kernel._context.Input(0), tile, pass.Slice * channels, channels, WinogradTransform.PixelRows(pass.Row), kernel.Zeros, expanded, pixels);
                    WinogradTransform.TransformInputRow(pixels, pass.Row, channels, kernel.Kept + (long)tile * channels, (long)kernel._tiles.Count * channels);
                }
            }
            finally
            {
                kernel._slots.Release(slot);
            }
        }

        private void AddUp(Pass pass, int tileRow)
        {
            const int Size = WinogradTransform.TileOutputs;
            int first = pass.FirstPanel * kernel._panelOutputs;
            int count = Math.Min(pass.PanelCount * kernel._panelOutputs, kernel._weights.Outputs - first);
            long outputStride = kernel._types.ResultStride(kernel._weights.Outputs);
            int groupOutputs = kernel.GroupOutputs;
            bool isRounded = kernel._types.WritesHalf;
            bool isFinished = pass.Row == s_rows[^1] && pass.Slice == kernel._slices - 1;
            float* bias = kernel._hasBias ? (float*)kernel._context!.Input(1) + first : null;
            Vector<float> low = new(kernel._parameters.Low);
            Vector<float> high = new(kernel._parameters.High);
            Vector<float>* contribution = stackalloc Vector<float>[Size];
            long pixelStride = isRounded ? groupOutputs : outputStride;
            long rowStride = (isRounded ? Size : kernel._tiles.OutputWidth) * pixelStride;
            for (int tile = tileRow * kernel._tiles.Columns; tile < (tileRow + 1) * kernel._tiles.Columns; tile++)
            {
                (long firstPixel, int rows, int columns) = kernel._tiles.Results(tile);
                byte* output = kernel._context!.Output(0) + (firstPixel * outputStride + first) * kernel._types.OutputSize;
                float* target = isRounded ? kernel.Exact + (long)tile * Size * Size * groupOutputs : (float*)output;
                float* sums = kernel.Sums + (long)tile * groupOutputs;
                for (int i = 0; i < count; i += Vector<float>.Count)
                {
                    WinogradTransform.TransformOutputRow(sums + i, (long)kernel._tiles.Count * groupOutputs, contribution);
                    for (int y = 0; y < rows; y++)
                    {
                        float coefficient = WinogradTransform.OutputCoefficient(pass.Row, y);
                        if (coefficient == 0)
                        {
                            continue;
                        }

                        // The first row that has to do with this one of the results.
                        bool isFirst = pass.Slice == 0 && pass.Row == y switch { 0 => 0, Size - 1 => WinogradTransform.TileInputs - 1, _ => 1 };
                        Vector<float> offset = isFirst && bias is not null ? Vector.Load(bias + i) : default;
                        Vector<float> factor = new(coefficient);
                        float* pixel = target + y * rowStride + i;
                        for (int x = 0; x < columns; x++, pixel += pixelStride)
                        {
                            Vector<float> sum = Vector.FusedMultiplyAdd(factor, contribution[x], isFirst ? offset : Vector.Load(pixel));
                            (isFinished ? Vector.Min(Vector.Max(sum, low), high) : sum).Store(pixel);
                        }
                    }
                }

                for (int i = 0; isRounded && isFinished && i < rows * columns; i++)
                {
                    (int y, int x) = Math.DivRem(i, columns);
                    StorageTypes.Round(target + y * rowStride + x * pixelStride, output + ((long)y * kernel._tiles.OutputWidth + x) * outputStride * kernel._types.OutputSize, count);
                }
            }
        }
    }
}
