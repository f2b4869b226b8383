using OnnxStream.Interop.Native;
using OnnxStream.Interop.Panels;
using OnnxStream.Interop.Tensors;
using OnnxStream.Interop.Weights;

namespace OnnxStream.Interop.Kernels;

/// <summary>3x3 convolution with stride 1 by Winograd's algorithm on channels-last tensors: what its orders of the same sums share.</summary>
/// <remarks>
/// Outputs are divided into panels. For each position of transformed kernels (<see cref="WinogradTransform"/>), a panel is a packed matrix,
/// with which XNNPACK multiplies the transformed image: each worker has an operator for whole panels and one for the last, which may have fewer outputs.
/// </remarks>
internal abstract unsafe class WinogradKernel : Kernel, IPanelLayer
{
    /// <summary>Panels have a multiple of that many outputs, except the last.</summary>
    protected const int OutputTile = 32;

    private readonly PanelOperator?[] _operators;
    private readonly PanelOperator?[] _lastOperators;
    private readonly List<DirectTiles> _direct = [];
    private WeightRange[] _ranges = [];
    private PanelSource? _source;

    /// <summary>Starts with what all orders need; <see cref="Divide"/> and <see cref="Open"/> must follow.</summary>
    /// <param name="weights">The weight.</param>
    /// <param name="hasBias">Whether there is a bias.</param>
    /// <param name="input">The shape [N,H,W,C] of what is convolved.</param>
    /// <param name="parameters">The geometry.</param>
    /// <param name="workers">The threads.</param>
    /// <param name="types">How data and results are stored.</param>
    /// <param name="isUpsampled">Whether the data has half the height and width, and each of its pixels stands for four.</param>
    protected WinogradKernel(PanelWeights weights, bool hasBias, Shape input, ConvolutionParameters parameters, WorkerPool workers, StorageTypes types, bool isUpsampled)
    {
        Weights = weights;
        HasBias = hasBias;
        Tiles = new WinogradTiles(input, parameters, types, isUpsampled);
        Format = weights.Format;
        Parameters = parameters;
        Types = types;
        WorkerCount = workers.WorkerCount;
        Slots = new WorkerSlots(WorkerCount);
        _direct.Add(NewDirectTiles());
        Flops = 2 * input[0] * Tiles.OutputHeight * Tiles.OutputWidth * weights.Outputs * weights.PerOutput;
        _operators = new PanelOperator?[WorkerCount];
        _lastOperators = new PanelOperator?[WorkerCount];
    }

    /// <inheritdoc/>
    public sealed override long Flops { get; }

    /// <inheritdoc/>
    public sealed override IReadOnlyList<WeightRange> StreamedWeights => Source.Ranges;

    /// <inheritdoc/>
    public abstract string? Identity { get; }

    /// <inheritdoc/>
    public string? WeightName => Weights.Name;

    /// <inheritdoc/>
    public abstract int PanelCount { get; }

    /// <inheritdoc/>
    public virtual int PanelsAtOnce => 1;

    /// <inheritdoc/>
    public Constant? Bias => null;

    /// <inheritdoc/>
    public virtual IReadOnlyList<WeightRange> UnpackedWeights => _ranges;

    /// <inheritdoc/>
    public WeightRange? PartlyRead => null;

    /// <inheritdoc/>
    public abstract long PackScratchBytes { get; }

    /// <inheritdoc/>
    public PanelFormat Format { get; }

    /// <summary>The weight.</summary>
    protected PanelWeights Weights { get; }

    /// <summary>Whether there is a bias.</summary>
    protected bool HasBias { get; }

    /// <summary>How the image is cut.</summary>
    protected WinogradTiles Tiles { get; }

    /// <summary>The geometry and the limits of results.</summary>
    protected ConvolutionParameters Parameters { get; }

    /// <summary>How data and results are stored.</summary>
    protected StorageTypes Types { get; }

    /// <summary>The number of threads.</summary>
    protected int WorkerCount { get; }

    /// <summary>The workers' parts of the scratch memory.</summary>
    protected WorkerSlots Slots { get; }

    /// <summary>The memory that computing results without the transforms needs.</summary>
    protected long DirectScratchBytes => _direct[0].ScratchBytes;

    /// <summary>Where panels come from.</summary>
    protected PanelSource Source => _source!;

    /// <summary>The outputs of a panel; the last one may have fewer.</summary>
    protected int PanelOutputs { get; private set; }

    /// <summary>The number of panels that have all outputs together.</summary>
    protected int OutputPanels { get; private set; }

    /// <summary>The format's identity of how matrices are packed.</summary>
    protected uint MatrixLayout { get; private set; }

    /// <summary>The bytes of a packed matrix of a whole panel.</summary>
    protected long MatrixBytes { get; private set; }

    /// <summary>Memory for the numbers of a panel, before they are transformed.</summary>
    protected long GatherBytes => Weights.GatherBytes(PanelOutputs);

    /// <summary>The stored numbers of panels, by their outputs.</summary>
    protected IReadOnlyList<WeightRange> Ranges => _ranges;

    private MatrixProduct Product { get; set; } = null!;

    private MatrixProduct LastProduct { get; set; } = null!;

    private long LastMatrixBytes { get; set; }

    /// <inheritdoc/>
    public abstract long PackedBytes(int panel);

    /// <inheritdoc/>
    public abstract void Pack(int panel, byte* source, float* bias, byte* scratch, byte* destination, WeightReader? reader);

    /// <inheritdoc/>
    public sealed override void Run(KernelContext context) => RunSets([context]);

    /// <summary>The results of a set of data that are computed without the transforms.</summary>
    protected DirectTiles Direct(int set) => _direct[set];

    /// <summary>Has them for so many sets of data.</summary>
    protected void ExtendDirect(int sets)
    {
        while (_direct.Count < sets)
        {
            _direct.Add(NewDirectTiles());
        }
    }

    /// <summary>Divides the outputs into panels that are nearly equal.</summary>
    /// <param name="most">The most outputs of one. They depend on the weight alone: images of all sizes share the panels of a store.</param>
    protected void Divide(long most)
    {
        int panels = (int)((Weights.Outputs + most - 1) / most);
        PanelOutputs = Math.Min(Weights.Outputs, ((Weights.Outputs + panels - 1) / panels + OutputTile - 1) / OutputTile * OutputTile);
        OutputPanels = (Weights.Outputs + PanelOutputs - 1) / PanelOutputs;
        _ranges = Weights.Ranges(PanelOutputs);
    }

    /// <summary>Makes the operators, and decides where panels come from.</summary>
    /// <param name="product">What a whole panel computes.</param>
    /// <param name="lastProduct">What the last panel computes.</param>
    /// <param name="order">For each panel in the order of its use, its number in the store; null where they are the same.</param>
    protected void Open(MatrixProduct product, MatrixProduct lastProduct, int[]? order = null)
    {
        (Product, LastProduct) = (product, lastProduct);
        int lastOutputs = Outputs(OutputPanels - 1);
        (long bytes, MatrixLayout) = Format.Measure(product, PanelOutputs, Name);
        (long lastBytes, _) = Format.Measure(lastProduct, lastOutputs, Name);
        (MatrixBytes, LastMatrixBytes) = (CountedMemory.Align(bytes), CountedMemory.Align(lastBytes));
        try
        {
            for (int i = 0; i < WorkerCount; i++)
            {
                _operators[i] = PanelOperator.Create(Format, product, PanelOutputs, hasBias: false, Name);
                _lastOperators[i] = lastOutputs == PanelOutputs ? _operators[i] : PanelOperator.Create(Format, lastProduct, lastOutputs, hasBias: false, Name);
            }

            _source = Weights.Sources.Open(this, order);
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    /// <summary>The outputs of a panel, of those that have all outputs together.</summary>
    protected int Outputs(int panel) => Math.Min(PanelOutputs, Weights.Outputs - panel * PanelOutputs);

    /// <summary>The bytes of a packed matrix of such a panel.</summary>
    protected long MatrixBytesOf(int panel) => panel < OutputPanels - 1 ? MatrixBytes : LastMatrixBytes;

    /// <summary>Transforms the kernels of such a panel to one position, and packs them.</summary>
    /// <param name="panel">The panel.</param>
    /// <param name="position">The position.</param>
    /// <param name="kernels">Its kernels [output, 3, 3, channel], from the first channel of the matrix on.</param>
    /// <param name="channels">The channels of the matrix.</param>
    /// <param name="scratch">Memory of <see cref="MatrixScratchBytes"/>.</param>
    /// <param name="destination">Receives the matrix.</param>
    protected void PackMatrix(int panel, int position, float* kernels, int channels, byte* scratch, byte* destination)
    {
        float* transformed = (float*)(scratch + Format.PackScratchBytes(Product, PanelOutputs));
        WinogradTransform.TransformWeights(kernels, Outputs(panel), channels, Tiles.Channels, position, transformed);
        Format.Pack(
            panel < OutputPanels - 1 ? Product : LastProduct, Outputs(panel), transformed, null, scratch, destination, MatrixBytesOf(panel), $"outputs {panel}, position {position}");
    }

    /// <summary>What packing a matrix needs: memory of the format, and the transformed matrix.</summary>
    protected long MatrixScratchBytes(int channels) => Format.PackScratchBytes(Product, PanelOutputs) + CountedMemory.Align((long)PanelOutputs * channels * sizeof(float));

    /// <summary>Multiplies rows of the transformed image with a packed matrix, on the calling thread.</summary>
    /// <param name="slot">The worker.</param>
    /// <param name="panel">The panel, of those that have all outputs together.</param>
    /// <param name="packed">The matrix.</param>
    /// <param name="rows">The rows.</param>
    /// <param name="input">The transformed image.</param>
    /// <param name="output">Receives the sums.</param>
    /// <param name="node">The node, for messages.</param>
    protected void Multiply(int slot, int panel, byte* packed, int rows, float* input, float* output, string node) =>
        (panel < OutputPanels - 1 ? _operators : _lastOperators)[slot]!.Multiply(packed, rows, input, output, node);

    /// <summary>The biases from an output on; null for none.</summary>
    protected float* BiasFrom(KernelContext context, int output) => HasBias ? (float*)context.Input(Weights.IsStreamed ? 1 : 2) + output : null;

    /// <summary>Rounds the results of a tile, some outputs of them, to the format that they are stored in.</summary>
    /// <param name="tile">The tile.</param>
    /// <param name="exact">They in single precision: [row, column, output].</param>
    /// <param name="stride">Numbers from one of these pixels to the next.</param>
    /// <param name="results">The first of all results of the layer.</param>
    /// <param name="first">The first output.</param>
    /// <param name="count">The number of outputs.</param>
    protected void RoundTile(int tile, float* exact, long stride, byte* results, int first, int count)
    {
        (long firstPixel, int rows, int columns) = Tiles.Results(tile);
        RowFormat format = Types.Results;
        for (int y = 0; y < rows; y++)
        {
            for (int x = 0; x < columns; x++)
            {
                byte* target = results + Types.ResultOffset(firstPixel + (long)y * Tiles.OutputWidth + x, Weights.Outputs, first);
                format.Round(exact + (y * WinogradTransform.TileOutputs + x) * stride, target, count);
            }
        }
    }

    private DirectTiles NewDirectTiles() => new(Weights, HasBias, Tiles, Parameters, Types, WorkerCount);

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        foreach (PanelOperator? created in _operators.Concat(_lastOperators).Distinct())
        {
            created?.Dispose();
        }

        base.Dispose(disposing);
    }
}
