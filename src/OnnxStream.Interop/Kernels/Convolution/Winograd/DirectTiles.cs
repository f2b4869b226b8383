using System.Numerics;
using System.Runtime.CompilerServices;
using OnnxStream.Interop.Native;
using OnnxStream.Interop.Panels;
using OnnxStream.Interop.Tensors;

namespace OnnxStream.Interop.Kernels;

/// <summary>The results of a convolution that Winograd's algorithm would round too coarsely: finds them, and computes them straight from the definition.</summary>
/// <remarks>
/// <para>
/// The algorithm adds and subtracts all 36 pixels of a tile for each of its 16 results, so the error of a result is a fraction of the
/// largest number in the tile, which the result may have nothing to do with. A tile is computed directly if it has a number more than
/// <see cref="LargestRatio"/> times as large as all those in the window of one of its results, an infinity, a NaN, or a number beyond
/// <see cref="LargestNumber"/>. Results whose window is zero are the bias.
/// </para>
/// <para>
/// Looking for them takes a tenth to a quarter of the time of the input's transform: 2 % of a layer with 64 channels, 0.2 % with 320. The
/// weight is read again, some outputs at a time, and only if there are any: panels hold transformed weights, from which the sign of a small
/// one cannot be told.
/// </para>
/// </remarks>
internal sealed unsafe class DirectTiles : IParallelBody
{
    /// <summary>How many times as large as the numbers of a result's window others in its tile may be.</summary>
    public const float LargestRatio = 32;

    /// <summary>Tiles with larger numbers are computed directly: the transforms make them up to a few thousand times as large.</summary>
    public const float LargestNumber = 1e30f;

    // Each number of a pixel meets the weights of that many outputs.
    private const int OutputsAtOnce = 4;
    private const int MostChunk = 32;

    private const int TilesAtOnce = 16;

    // Each needs up to half a megabyte.
    private const int MostWorkers = 8;
    private const int KernelSize = 3;
    private const int Taps = KernelSize * KernelSize;
    private const int Results = WinogradTransform.TileOutputs * WinogradTransform.TileOutputs;
    private const int AllRows = (1 << WinogradTransform.TileInputs) - 1;

    private readonly PanelWeights _weights;
    private readonly WinogradTiles _tiles;
    private readonly ConvolutionParameters _parameters;
    private readonly StorageTypes _types;
    private readonly bool _hasBias;
    private readonly Mark[] _marks;
    private readonly int _workers;

    // Outputs that a worker computes before the next ones: those that are stored together, at least.
    private readonly int _chunk;

    // Of each worker: weights as they are stored and as they are used, and a tile in single precision. Of all: a pixel of zeros.
    private readonly ScratchPart _storedPart;
    private readonly ScratchPart _gatheredPart;
    private readonly ScratchPart _expandedPart;
    private readonly ScratchPart _zeroPart;
    private KernelContext? _context;
    private byte* _scratch;
    private int _first;
    private int _last;

    /// <summary>Looks after the results of a convolution.</summary>
    /// <param name="weights">The weight.</param>
    /// <param name="hasBias">Whether there is a bias.</param>
    /// <param name="tiles">The tiles.</param>
    /// <param name="parameters">The limits of results.</param>
    /// <param name="types">How data and results are stored.</param>
    /// <param name="workers">The number of threads.</param>
    public DirectTiles(PanelWeights weights, bool hasBias, WinogradTiles tiles, ConvolutionParameters parameters, StorageTypes types, int workers)
    {
        _weights = weights;
        _hasBias = hasBias;
        _tiles = tiles;
        _parameters = parameters;
        _types = types;
        _chunk = Math.Max(OutputsAtOnce, types.Results.Together);
        _workers = Math.Min(Math.Min(workers, MostWorkers), (weights.Outputs + _chunk - 1) / _chunk);
        _marks = new Mark[tiles.Count];
        ScratchLayout layout = new();
        _storedPart = layout.Add(weights.IsStreamed ? weights.StoredBytes(_chunk) : 0, _workers);
        _gatheredPart = layout.Add(weights.GatherBytes(_chunk), _workers);
        _expandedPart = layout.Add(types.Expands ? WinogradTransform.Positions * (long)tiles.Channels * sizeof(float) : 0, _workers);
        _zeroPart = layout.Add(tiles.Channels * sizeof(float));
        ScratchBytes = layout.Bytes;
    }

    /// <summary>Bytes of scratch memory, which are needed after the other results have been computed.</summary>
    public long ScratchBytes { get; }

    /// <summary>Looks at tiles. Every run must look at all of them, each once, from any thread.</summary>
    /// <param name="images">The first byte of the first image.</param>
    /// <param name="first">The first tile.</param>
    /// <param name="count">The number of tiles.</param>
    public void Examine(byte* images, int first, int count)
    {
        while (count > 0)
        {
            int piece = Math.Min(Math.Min(count, TilesAtOnce), _tiles.Columns - first % _tiles.Columns);
            ExamineNeighbours(images, first, piece);
            first += piece;
            count -= piece;
        }
    }

    /// <summary>Computes the results that were found.</summary>
    /// <param name="context">The run, with <see cref="ScratchBytes"/> of scratch memory.</param>
    public void Run(KernelContext context) => Run(context, context.Scratch, 0, _marks.Length);

    /// <summary>Computes the results that were found in some tiles.</summary>
    /// <param name="context">The run.</param>
    /// <param name="scratch">Memory of <see cref="ScratchBytes"/>.</param>
    /// <param name="first">The first tile.</param>
    /// <param name="count">The number of tiles.</param>
    public void Run(KernelContext context, byte* scratch, int first, int count)
    {
        if (!_marks.AsSpan(first, count).ContainsAnyExcept(default(Mark)))
        {
            return;
        }

        _context = context;
        _scratch = scratch;
        (_first, _last) = (first, first + count);
        new Span<float>(_zeroPart.In(scratch), _tiles.Channels).Clear();
        context.Workers.Parallelize(this, _workers);
        _context = null;
    }

    /// <inheritdoc/>
    public void Execute(int index)
    {
        for (int first = index * _chunk; first < _weights.Outputs; first += _workers * _chunk)
        {
            Compute(first, Math.Min(_chunk, _weights.Outputs - first), index);
        }
    }

    // Neighbours in a row of tiles share pixels.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void ExamineNeighbours(byte* images, int first, int count)
    {
        int width = count * WinogradTransform.TileOutputs + 2;
        int* magnitudes = stackalloc int[WinogradTransform.TileInputs * (TilesAtOnce * WinogradTransform.TileOutputs + 2)];
        for (int row = 0; row < WinogradTransform.TileInputs; row++)
        {
            _tiles.Measure(images, first, row, width, magnitudes + row * width);
        }

        for (int tile = 0; tile < count; tile++)
        {
            _marks[first + tile] = Judge(magnitudes + tile * WinogradTransform.TileOutputs, width);
        }
    }

    // What is wrong with the tile whose first pixel is here.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static Mark Judge(int* magnitudes, int width)
    {
        int least = int.MaxValue;
        int most = 0;
        for (int row = 0; row < WinogradTransform.TileInputs; row++)
        {
            int* line = magnitudes + row * width;
            for (int column = 0; column < WinogradTransform.TileInputs; column++)
            {
                least = Math.Min(least, line[column]);
                most = Math.Max(most, line[column]);
            }
        }

        if (most == 0 || IsExact(most, least))
        {
            return default;
        }

        int direct = 0;
        int empty = 0;
        for (int result = 0; result < Results; result++)
        {
            int* window = magnitudes + result / WinogradTransform.TileOutputs * width + result % WinogradTransform.TileOutputs;
            int own = Math.Max(Math.Max(Row(window), Row(window + width)), Row(window + 2 * width));
            if (own == 0)
            {
                empty |= 1 << result;
            }
            else if (!IsExact(most, own))
            {
                direct |= 1 << result;
            }
        }

        // The results of the large number's own windows, too: a small weight may make them small.
        return new Mark((ushort)(direct == 0 ? 0 : ~empty), (ushort)empty);

        static int Row(int* row) => Math.Max(Math.Max(row[0], row[1]), row[2]);

        // False if the largest is infinite or no number.
        static bool IsExact(int most, int own)
        {
            float largest = BitConverter.Int32BitsToSingle(most);
            return largest <= LargestNumber && largest <= LargestRatio * BitConverter.Int32BitsToSingle(own);
        }
    }

    // Some outputs of all results that were found.
    private void Compute(int first, int count, int worker)
    {
        float* zeros = (float*)_zeroPart.In(_scratch);
        float* expanded = (float*)_expandedPart.In(_scratch, worker);
        float** pixels = stackalloc float*[WinogradTransform.Positions];
        float* sums = stackalloc float[MostChunk];
        float* bias = _hasBias ? (float*)_context!.Input(_weights.IsStreamed ? 1 : 2) + first : null;
        float* kernels = null;
        RowFormat format = _types.Results;
        for (int tile = _first; tile < _last; tile++)
        {
            Mark mark = _marks[tile];
            if (mark == default)
            {
                continue;
            }

            if (mark.Direct != 0)
            {
                if (kernels is null)
                {
                    kernels = ReadKernels(first, count, worker);
                }

                _tiles.FindPixels(_context!.Input(0), tile, 0, _tiles.Channels, AllRows, zeros, expanded, pixels);
            }

            (long firstPixel, int rows, int columns) = _tiles.Results(tile);
            for (int result = 0; result < Results; result++)
            {
                (int y, int x) = (result / WinogradTransform.TileOutputs, result % WinogradTransform.TileOutputs);
                if (((mark.Direct | mark.Empty) >> result & 1) == 0 || y >= rows || x >= columns)
                {
                    continue;
                }

                new Span<float>(sums, MostChunk).Clear();
                for (int i = 0; i < count && (mark.Direct >> result & 1) != 0; i += OutputsAtOnce)
                {
                    Multiply(pixels + y * WinogradTransform.TileInputs + x, kernels + i * _weights.PerOutput, Math.Min(OutputsAtOnce, count - i), sums + i);
                }

                for (int i = 0; i < count; i++)
                {
                    sums[i] = Math.Min(Math.Max(sums[i] + (bias is null ? 0 : bias[i]), _parameters.Low), _parameters.High);
                }

                format.Round(sums, _context!.Output(0) + _types.ResultOffset(firstPixel + (long)y * _tiles.OutputWidth + x, _weights.Outputs, first), count);
            }
        }
    }

    private float* ReadKernels(int first, int count, int worker)
    {
        byte* source = _storedPart.In(_scratch, worker);
        if (_weights.IsStreamed)
        {
            _weights.ReadStored(first, count, source);
        }
        else
        {
            source = _context!.Input(1) + first * _weights.PerOutput * sizeof(float);
        }

        return _weights.Gather(source, first, count, (float*)_gatheredPart.In(_scratch, worker));
    }

    // One window, and kernels [output, 3, 3, channel].
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void Multiply(float** window, float* kernels, int count, float* sums)
    {
        int channels = _tiles.Channels;
        long perOutput = _weights.PerOutput;

        // Outputs that are not there repeat the last one that is, and are not stored.
        float* kernel0 = kernels;
        float* kernel1 = kernels + Math.Min(1, count - 1) * perOutput;
        float* kernel2 = kernels + Math.Min(2, count - 1) * perOutput;
        float* kernel3 = kernels + Math.Min(3, count - 1) * perOutput;
        Vector<float> sum0 = default, sum1 = default, sum2 = default, sum3 = default;
        for (int tap = 0; tap < Taps; tap++)
        {
            float* pixel = window[tap / KernelSize * WinogradTransform.TileInputs + tap % KernelSize];
            int i = 0;
            for (; i <= channels - Vector<float>.Count; i += Vector<float>.Count)
            {
                Vector<float> value = Vector.Load(pixel + i);
                sum0 = Vector.FusedMultiplyAdd(value, Vector.Load(kernel0 + i), sum0);
                sum1 = Vector.FusedMultiplyAdd(value, Vector.Load(kernel1 + i), sum1);
                sum2 = Vector.FusedMultiplyAdd(value, Vector.Load(kernel2 + i), sum2);
                sum3 = Vector.FusedMultiplyAdd(value, Vector.Load(kernel3 + i), sum3);
            }

            for (; i < channels; i++)
            {
                sums[0] += pixel[i] * kernel0[i];
                sums[1] += pixel[i] * kernel1[i];
                sums[2] += pixel[i] * kernel2[i];
                sums[3] += pixel[i] * kernel3[i];
            }

            kernel0 += channels;
            kernel1 += channels;
            kernel2 += channels;
            kernel3 += channels;
        }

        sums[0] += Vector.Sum(sum0);
        sums[1] += Vector.Sum(sum1);
        sums[2] += Vector.Sum(sum2);
        sums[3] += Vector.Sum(sum3);
    }

    /// <summary>The results of a tile that are not left as they are, as bits.</summary>
    /// <param name="Direct">Those to compute.</param>
    /// <param name="Empty">Those that are the bias.</param>
    private readonly record struct Mark(ushort Direct, ushort Empty);
}
