using System.Numerics;
using OnnxStream.Interop.Native;
using OnnxStream.Interop.Panels;
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
internal sealed unsafe class StreamedWinogradConvolutionKernel : WinogradKernel
{
    // A panel, the transformed row of an image, and the sums and results of a group of outputs: small enough for the outer caches, and small
    // beside the activations of the layers that this is for.
    private const long PanelBytes = 512 << 10;
    private const long KeptBytes = 3 << 20;
    private const long ResultBytes = 4 << 20;

    // The sums and results of a panel with so many outputs are that small for images of 64x64. The same for images of all sizes: they share
    // the panels of a store.
    private const int MostPanelOutputs = 160;

    // A slice of channels is made of whole vectors of any processor, and is long enough for the multiplication.
    private const int SliceTile = 16;
    private const int LeastSlice = 64;

    // The outer rows come first: then the last row adds to all results, and finishes them.
    private static readonly int[] s_rows = [0, 5, 1, 2, 3, 4];

    private readonly int _slices;
    private readonly int _sliceChannels;
    private readonly int _panelsOfGroup;
    private readonly int _groups;
    private readonly Pass[] _passes;
    private readonly WeightRange[] _unpacked;
    private readonly Multiplication _multiplication;
    private readonly Transformation _transformation;

    // Of each worker: a tile's pixels in single precision where they are stored otherwise, or a panel likewise.
    private readonly ScratchPart _slotPart;
    private readonly ScratchPart _zeroPart;

    // [position of the row, tile, channel]
    private readonly ScratchPart _keptPart;

    // [position of the row, tile, output]
    private readonly ScratchPart _sumPart;

    // Results before they are rounded: [tile, row, column, output]
    private readonly ScratchPart _exactPart;
    private KernelContext[] _sets = [];
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
        : base(weights, hasBias, input, parameters, workers, types, isUpsampled)
    {
        _slices = ChooseSlices(Tiles);
        _sliceChannels = Tiles.Channels / _slices;
        Divide(Math.Max(1, Math.Min(PanelBytes / (_sliceChannels * sizeof(float)), MostPanelOutputs) / OutputTile) * OutputTile);

        // As if results were rounded, whether they are or not.
        long bytesOfOutput = Tiles.Count * (long)sizeof(float) * (WinogradTransform.TileInputs + WinogradTransform.TileOutputs * WinogradTransform.TileOutputs);
        _groups = (int)((OutputPanels * PanelOutputs * bytesOfOutput + ResultBytes - 1) / ResultBytes);
        _panelsOfGroup = (OutputPanels + _groups - 1) / _groups;
        _groups = (OutputPanels + _panelsOfGroup - 1) / _panelsOfGroup;
        _passes = [.. Passes()];
        _unpacked = [.. Enumerable.Range(0, WinogradTransform.TileInputs * _slices).SelectMany(_ => Ranges)];
        _multiplication = new Multiplication(this);
        _transformation = new Transformation(this);
        MatrixProduct product = new(_sliceChannels) { OutputStride = GroupOutputs };
        Open(product, product, [.. _passes.SelectMany(pass => Enumerable.Range(0, pass.PanelCount * WinogradTransform.TileInputs).Select(index => StoredIndex(pass, index)))]);

        ScratchLayout passes = new();
        _slotPart = passes.Add(
            Math.Max(types.Expands ? WinogradTransform.Positions * (long)_sliceChannels * sizeof(float) : 0, Source.NeedsMemory ? MatrixBytes : 0), WorkerCount);
        _zeroPart = passes.Add(_sliceChannels * sizeof(float));
        _keptPart = passes.Add(WinogradTransform.TileInputs * (long)Tiles.Count * _sliceChannels * sizeof(float));
        _sumPart = passes.Add(WinogradTransform.TileInputs * (long)Tiles.Count * GroupOutputs * sizeof(float));
        _exactPart = passes.Add(types.Rounds ? WinogradTransform.TileOutputs * WinogradTransform.TileOutputs * (long)Tiles.Count * GroupOutputs * sizeof(float) : 0);
        ScratchBytes = Math.Max(passes.Bytes, DirectScratchBytes);
    }

    /// <inheritdoc/>
    public override string Name => "streamed winograd convolution";

    /// <inheritdoc/>
    public override long ScratchBytes { get; }

    /// <inheritdoc/>
    public override string? Identity => Weights.Identity is { } weights ? $"streamed winograd 4x4:{weights}:{PanelOutputs}:{_slices}:{MatrixLayout:x8}" : null;

    /// <inheritdoc/>
    public override int PanelCount => WinogradTransform.Positions * _slices * OutputPanels;

    /// <inheritdoc/>
    public override int PanelsAtOnce => WinogradTransform.TileInputs;

    /// <inheritdoc/>
    public override IReadOnlyList<WeightRange> UnpackedWeights => _unpacked;

    /// <inheritdoc/>
    public override long PackScratchBytes => CountedMemory.Align(GatherBytes) + MatrixScratchBytes(_sliceChannels);

    private int GroupOutputs => Math.Min(_panelsOfGroup * PanelOutputs, Weights.Outputs);

    private float* Zeros(KernelContext context) => (float*)_zeroPart.In(context.Scratch);

    private float* Kept(KernelContext context) => (float*)_keptPart.In(context.Scratch);

    private float* Sums(KernelContext context) => (float*)_sumPart.In(context.Scratch);

    private float* Exact(KernelContext context) => (float*)_exactPart.In(context.Scratch);

    /// <summary>Whether a convolution can be computed like this: slices of channels, and outputs, are whole vectors.</summary>
    public static bool Supports(ConvolutionParameters parameters, long channels, long outputs) =>
        WinogradTiles.Fit(parameters) && outputs % SliceTile == 0 && channels >= SliceTile;

    /// <inheritdoc/>
    public override long WeightsInUse(WeightMeasure measure) => WorkerCount * base.WeightsInUse(measure);

    /// <inheritdoc/>
    public override long PackedBytes(int panel) => MatrixBytesOf(Find(panel).Panel);

    /// <inheritdoc/>
    public override void Pack(int panel, byte* source, float* bias, byte* scratch, byte* destination, WeightReader? reader)
    {
        (int row, int slice, int outputs) = Find(panel);
        float* gathered = Weights.Gather(source, outputs * PanelOutputs, Outputs(outputs), (float*)scratch);
        for (int column = 0; column < WinogradTransform.TileInputs; column++)
        {
            PackMatrix(
                outputs, row * WinogradTransform.TileInputs + column, gathered + slice * _sliceChannels, _sliceChannels, scratch + CountedMemory.Align(GatherBytes), destination + column * PackedBytes(panel));
        }
    }

    /// <inheritdoc/>
    public override void RunSets(KernelContext[] sets)
    {
        // Panels, and what else belongs to a worker, are in the memory of the first set.
        KernelContext context = sets[0];
        _sets = sets;
        ExtendDirect(sets.Length);
        foreach (KernelContext set in sets)
        {
            new Span<float>(Zeros(set), _sliceChannels).Clear();
        }

        _previous = null;
        foreach (Pass pass in _passes)
        {
            context.CancellationToken.ThrowIfCancellationRequested();

            // What the last pass summed is added up while the next one's image is transformed.
            _next = pass;
            context.Workers.Parallelize(_transformation, (_previous is null ? 1 : 2) * sets.Length * Tiles.Rows);
            context.Workers.Parallelize(_multiplication, pass.PanelCount * WinogradTransform.TileInputs);
            _previous = pass;
        }

        _next = null;
        context.Workers.Parallelize(_transformation, sets.Length * Tiles.Rows);
        for (int set = 0; set < sets.Length; set++)
        {
            Direct(set).Run(sets[set]);
        }

        _sets = [];
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

    private IEnumerable<Pass> Passes()
    {
        int first = 0;
        for (int group = 0; group < _groups; group++)
        {
            int panels = Math.Min(_panelsOfGroup, OutputPanels - group * _panelsOfGroup);
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
        return ((Array.IndexOf(s_rows, pass.Row) * _slices + pass.Slice) * OutputPanels + pass.FirstPanel + number) * WinogradTransform.TileInputs + column;
    }

    // The row of positions and the slice of a stored panel, and which outputs it has.
    private (int Row, int Slice, int Panel) Find(int stored)
    {
        (int pass, int panel) = Math.DivRem(stored / WinogradTransform.TileInputs, OutputPanels);
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
            KernelContext context = kernel._sets[0];
            int use = pass.FirstUse + index;
            int panel = pass.FirstPanel + number;
            int slot = kernel.Slots.Acquire();
            try
            {
                byte* packed = kernel.Source.TryAcquire(context, use, kernel._slotPart.In(context.Scratch, slot));
                try
                {
                    foreach (KernelContext set in kernel._sets)
                    {
                        kernel.Multiply(
                            slot, panel, packed, kernel.Tiles.Count, kernel.Kept(set) + (long)column * kernel.Tiles.Count * kernel._sliceChannels,
                            kernel.Sums(set) + (long)column * kernel.Tiles.Count * kernel.GroupOutputs + number * kernel.PanelOutputs, context.Call.NodeName);
                    }
                }
                finally
                {
                    kernel.Source.Release(context, use);
                }
            }
            finally
            {
                kernel.Slots.Release(slot);
            }
        }
    }

    // For a row of tiles of a set: adds what was summed to the results, or transforms what is multiplied next.
    private sealed class Transformation(StreamedWinogradConvolutionKernel kernel) : IParallelBody
    {
        public void Execute(int index)
        {
            (int item, int tileRow) = Math.DivRem(index, kernel.Tiles.Rows);
            int sets = kernel._sets.Length;
            if (kernel._previous is { } previous && item < sets)
            {
                AddUp(previous, kernel._sets[item], tileRow);
            }
            else
            {
                Transform(kernel._next!, item % sets, tileRow);
            }
        }

        private void Transform(Pass pass, int set, int tileRow)
        {
            KernelContext context = kernel._sets[set];
            int channels = kernel._sliceChannels;
            if (kernel._previous is null)
            {
                kernel.Direct(set).Examine(context.Input(0), tileRow * kernel.Tiles.Columns, kernel.Tiles.Columns);
            }

            float** pixels = stackalloc float*[WinogradTransform.Positions];
            int slot = kernel.Slots.Acquire();
            try
            {
                float* expanded = (float*)kernel._slotPart.In(kernel._sets[0].Scratch, slot);
                for (int tile = tileRow * kernel.Tiles.Columns; tile < (tileRow + 1) * kernel.Tiles.Columns; tile++)
                {
                    kernel.Tiles.FindPixels(
                        context.Input(0), tile, pass.Slice * channels, channels, WinogradTransform.PixelRows(pass.Row), kernel.Zeros(context), expanded, pixels);
                    WinogradTransform.TransformInputRow(pixels, pass.Row, channels, kernel.Kept(context) + (long)tile * channels, (long)kernel.Tiles.Count * channels);
                }
            }
            finally
            {
                kernel.Slots.Release(slot);
            }
        }

        private void AddUp(Pass pass, KernelContext context, int tileRow)
        {
            const int Size = WinogradTransform.TileOutputs;
            int first = pass.FirstPanel * kernel.PanelOutputs;
            int count = Math.Min(pass.PanelCount * kernel.PanelOutputs, kernel.Weights.Outputs - first);
            long outputStride = kernel.Types.ResultStride(kernel.Weights.Outputs);
            int groupOutputs = kernel.GroupOutputs;
            bool isRounded = kernel.Types.Rounds;
            bool isFinished = pass.Row == s_rows[^1] && pass.Slice == kernel._slices - 1;
            float* bias = kernel.BiasFrom(context, first);
            Vector<float> low = new(kernel.Parameters.Low);
            Vector<float> high = new(kernel.Parameters.High);
            Vector<float>* contribution = stackalloc Vector<float>[Size];
            long pixelStride = isRounded ? groupOutputs : outputStride;
            long rowStride = (isRounded ? Size : kernel.Tiles.OutputWidth) * pixelStride;
            for (int tile = tileRow * kernel.Tiles.Columns; tile < (tileRow + 1) * kernel.Tiles.Columns; tile++)
            {
                (long firstPixel, int rows, int columns) = kernel.Tiles.Results(tile);
                byte* output = context.Output(0) + kernel.Types.ResultOffset(firstPixel, kernel.Weights.Outputs, first);
                float* target = isRounded ? kernel.Exact(context) + (long)tile * Size * Size * groupOutputs : (float*)output;
                float* sums = kernel.Sums(context) + (long)tile * groupOutputs;
                for (int i = 0; i < count; i += Vector<float>.Count)
                {
                    WinogradTransform.TransformOutputRow(sums + i, (long)kernel.Tiles.Count * groupOutputs, contribution);
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

                if (isRounded && isFinished)
                {
                    kernel.RoundTile(tile, target, groupOutputs, context.Output(0), first, count);
                }
            }
        }
    }
}
