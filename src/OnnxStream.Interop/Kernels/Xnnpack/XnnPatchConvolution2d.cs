using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using OnnxStream.Interop.Native;
using OnnxStream.Interop.Panels;
using OnnxStream.Interop.Tensors;

namespace OnnxStream.Interop.Kernels;

/// <summary>Two-dimensional convolution of images with few channels, as the first layer of most networks: [N,H,W,C] to [N,H',W',O].</summary>
/// <remarks>
/// XNNPACK's convolution goes from pixel to pixel of the kernel, and sums over the channels of one in a loop: for three channels the loop
/// is most of the work. Here what the kernel covers is copied side by side for some results at a time, which stay in the cache, and
/// multiplied at once; a row of the kernel is one run of bytes. The weight is small and packed in every run.
/// Inputs of the step: data, weight, then the bias if there is one.
/// </remarks>
internal sealed unsafe class XnnPatchConvolution2d : Kernel
{
    // A multiple of XNNPACK's row tiles, nearly.
    private const int RowTile = 210;

    private readonly PanelWeights _weights;
    private readonly bool _hasBias;
    private readonly Shape _input;
    private readonly ConvolutionParameters _parameters;
    private readonly StorageTypes _types;
    private readonly MatrixProduct _product;
    private readonly int _height;
    private readonly int _width;
    private readonly int _patch;
    private readonly int _workers;
    private readonly long _rows;
    private readonly long _packedBytes;
    private readonly WorkerSlots _slots;
    private readonly PanelOperator?[] _operators;
    private readonly Tiles _tiles;

    // The packed weight, and what packing it needs.
    private readonly ScratchPart _packedPart;
    private readonly ScratchPart _gatheredPart;
    private readonly ScratchPart _packPart;

    // Of each worker: patches, and results before they are rounded.
    private readonly ScratchPart _patchPart;
    private readonly ScratchPart _resultPart;
    private KernelContext? _context;

    /// <summary>Makes the kernel for an input of shape [N,H,W,C].</summary>
    /// <param name="weights">The weight, which is given at run time.</param>
    /// <param name="hasBias">Whether there is a bias.</param>
    /// <param name="input">The input's shape.</param>
    /// <param name="parameters">The geometry; <see cref="Supports"/> must hold.</param>
    /// <param name="workers">The threads.</param>
    /// <param name="types">How data and results are stored.</param>
    public XnnPatchConvolution2d(PanelWeights weights, bool hasBias, Shape input, ConvolutionParameters parameters, WorkerPool workers, StorageTypes types = default)
    {
        _weights = weights;
        _hasBias = hasBias;
        _input = input;
        _parameters = parameters;
        _types = types;
        _height = (int)parameters.OutputHeight(input[1]);
        _width = (int)parameters.OutputWidth(input[2]);
        _patch = (int)weights.PerOutput;
        _product = new MatrixProduct(_patch) { OutputStride = types.Rounds ? 0 : types.ResultStride(weights.Outputs), Low = parameters.Low, High = parameters.High, IsConvolution = true };
        _workers = workers.WorkerCount;
        _rows = input[0] * _height * _width;
        _slots = new WorkerSlots(_workers);
        _operators = new PanelOperator?[_workers];
        _tiles = new Tiles(this);
        try
        {
            (long bytes, _) = Format.Measure(_product, weights.Outputs, Details);
            _packedBytes = CountedMemory.Align(bytes);
            for (int i = 0; i < _workers; i++)
            {
                _operators[i] = PanelOperator.Create(Format, _product, weights.Outputs, hasBias, Details);
            }
        }
        catch
        {
            Dispose();
            throw;
        }

        ScratchLayout layout = new();
        _packedPart = layout.Add(_packedBytes);
        _gatheredPart = layout.Add(weights.GatherBytes(weights.Outputs));
        _packPart = layout.Add(Format.PackScratchBytes(_product, weights.Outputs));

        // A run of the kernel is copied in whole vectors: what is too much is overwritten by the next one, or lies behind the last.
        _patchPart = layout.Add(RowTile * (long)_patch * sizeof(float) + Vector256<float>.Count * sizeof(float), _workers);
        _resultPart = layout.Add(types.Rounds ? RowTile * (long)weights.Outputs * sizeof(float) : 0, _workers);
        ScratchBytes = layout.Bytes;
    }

    /// <inheritdoc/>
    public override string Name => "patch convolution";

    /// <inheritdoc/>
    public override long Flops => 2 * _rows * _weights.Outputs * _patch;

    /// <inheritdoc/>
    public override long ScratchBytes { get; }

    // The weight is small and its sums are over a few hundred products: single precision whatever format other panels have.
    private static PanelFormat Format => PanelFormats.Default;

    private string Details => $"{_input} {_parameters}";

    /// <summary>Whether a convolution can be computed like this: a row of the kernel covers neighbours.</summary>
    public static bool Supports(ConvolutionParameters parameters) =>
        parameters is { DilationHeight: 1, DilationWidth: 1, Groups: 1 } && parameters.KernelHeight * parameters.KernelWidth > 1;

    /// <inheritdoc/>
    public override void Run(KernelContext context)
    {
        _context = context;
        float* kernel = _weights.Gather(context.Input(1), 0, _weights.Outputs, (float*)_gatheredPart.In(context.Scratch));
        Format.Pack(
            _product, _weights.Outputs, kernel, _hasBias ? (float*)context.Input(2) : null, _packPart.In(context.Scratch), _packedPart.In(context.Scratch), _packedBytes, context.Call.NodeName);
        context.Workers.Parallelize(_tiles, (int)((_rows + RowTile - 1) / RowTile), Flops / 8);
        _context = null;
    }

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        foreach (PanelOperator? operation in _operators)
        {
            operation?.Dispose();
        }

        base.Dispose(disposing);
    }

    private sealed class Tiles(XnnPatchConvolution2d kernel) : IParallelBody
    {
        public void Execute(int index)
        {
            long first = (long)index * RowTile;
            int rows = (int)Math.Min(RowTile, kernel._rows - first);
            int outputs = kernel._weights.Outputs;
            KernelContext context = kernel._context!;
            int slot = kernel._slots.Acquire();
            try
            {
                float* patches = (float*)kernel._patchPart.In(context.Scratch, slot);
                for (int row = 0; row < rows;)
                {
                    float* patch = patches + (long)row * kernel._patch;
                    int count = kernel._types.Expands ? 0 : CopyInside(first + row, rows - row, patch);
                    if (count == 0)
                    {
                        CopyPatch(first + row, patch);
                        count = 1;
                    }

                    row += count;
                }

                byte* target = context.Output(0) + kernel._types.ResultOffset(first, outputs, 0);
                float* results = kernel._types.Rounds ? (float*)kernel._resultPart.In(context.Scratch, slot) : (float*)target;
                PanelOperator operation = kernel._operators[slot]!;
                operation.PointTo(kernel._packedPart.In(context.Scratch));
                operation.Run(rows, null, (byte*)patches, 0, (byte*)results, null, context.Call.NodeName);
                if (kernel._types.Rounds)
                {
                    kernel._types.Results.RoundRows(results, target, rows, outputs, kernel._types.ResultRowBytes(outputs));
                }
            }
            finally
            {
                kernel._slots.Release(slot);
            }
        }

        // The patches of as many results in a row as lie inside of the image, up to a number; returns how many they are.
        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        private int CopyInside(long result, int most, float* patch)
        {
            ConvolutionParameters parameters = kernel._parameters;
            (int height, int width, int channels) = ((int)kernel._input[1], (int)kernel._input[2], (int)kernel._input[3]);
            (long image, long column, int top, int left) = Find(result);
            int run = parameters.KernelWidth * channels;
            int copied = (run + Vector256<float>.Count - 1) / Vector256<float>.Count * Vector256<float>.Count;

            // The last row of the last image has nothing behind it that could be copied, too.
            if (width * channels < Vector256<float>.Count || left < 0 || top < 0 || top + parameters.KernelHeight > height || (image == kernel._input[0] - 1 && top + parameters.KernelHeight == height))
            {
                return 0;
            }

            int count = (int)Math.Min(Math.Min(most, kernel._width - column), left + parameters.KernelWidth > width ? 0 : (width - parameters.KernelWidth - left) / parameters.StrideWidth + 1);
            float* source = (float*)kernel._context!.Input(0) + ((image * height + top) * width + left) * channels;
            long rowStride = (long)width * channels;
            int step = parameters.StrideWidth * channels;
            for (int i = 0; i < count; i++, source += step)
            {
                float* row = source;
                for (int y = 0; y < parameters.KernelHeight; y++, row += rowStride, patch += run)
                {
                    for (int k = 0; k < copied; k += Vector256<float>.Count)
                    {
                        Vector256.Load(row + k).Store(patch + k);
                    }
                }
            }

            return count;
        }

        // What the kernel covers for one result, row by row; zeros where it leaves the image. Compiled for speed at once: a plan may run only once.
        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        private void CopyPatch(long result, float* patch)
        {
            ConvolutionParameters parameters = kernel._parameters;
            (int height, int width, int channels) = ((int)kernel._input[1], (int)kernel._input[2], (int)kernel._input[3]);
            (long image, _, int top, int left) = Find(result);
            int before = Math.Clamp(-left, 0, parameters.KernelWidth) * channels;
            int behind = Math.Clamp(left + parameters.KernelWidth - width, 0, parameters.KernelWidth) * channels;
            int run = parameters.KernelWidth * channels;
            int count = Math.Max(0, run - before - behind);
            for (int y = top; y < top + parameters.KernelHeight; y++, patch += run)
            {
                if ((uint)y >= (uint)height || count == 0)
                {
                    new Span<float>(patch, run).Clear();
                    continue;
                }

                if (count < run)
                {
                    new Span<float>(patch, before).Clear();
                    new Span<float>(patch + run - behind, behind).Clear();
                }

                RowFormat data = kernel._types.Data;
                byte* source = kernel._context!.Input(0) + ((image * height + y) * width + left + before / channels) * data.Bytes(channels);
                if (!data.IsSingle)
                {
                    data.ExpandRows(source, patch + before, count / channels, channels);
                }
                else
                {
                    Copy((float*)source, patch + before, count);
                }
            }
        }

        // The image and the column of a result, and the first row and column of the image that its patch covers.
        private (long Image, long Column, int Top, int Left) Find(long result)
        {
            (long line, long column) = Math.DivRem(result, kernel._width);
            (long image, long row) = Math.DivRem(line, kernel._height);
            ConvolutionParameters parameters = kernel._parameters;
            return (image, column, (int)row * parameters.StrideHeight - parameters.PaddingTop, (int)column * parameters.StrideWidth - parameters.PaddingLeft);
        }

        // A handful of numbers: calling a function that copies would take longer.
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        private static void Copy(float* source, float* destination, int count)
        {
            int i = 0;
            for (; i <= count - Vector128<float>.Count; i += Vector128<float>.Count)
            {
                Vector128.Load(source + i).Store(destination + i);
            }

            for (; i < count; i++)
            {
                destination[i] = source[i];
            }
        }
    }
}
