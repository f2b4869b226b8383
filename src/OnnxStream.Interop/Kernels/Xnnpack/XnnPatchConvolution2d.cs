using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using OnnxStream.Interop.Bindings;
using OnnxStream.Interop.Native;
using static OnnxStream.Interop.Bindings.Xnnpack;

namespace OnnxStream.Interop.Kernels.Xnnpack;

/// <summary>Two-dimensional convolution of images with few channels, [N,H,W,C] to [N,H',W',O]: windows are copied into rows, some at a time, and the rows are multiplied.</summary>
/// <remarks>
/// As in the first layer of most image networks, which see three colours: XNNPACK's convolution takes a new address for each pixel of each
/// window, and with three numbers behind it that takes longer than multiplying them. All threads work on the same weights, each on other rows.
/// </remarks>
internal sealed unsafe class XnnPatchConvolution2d : PanelKernel
{
    private const int MostChannels = 4;
    private const long FewestResults = 1000;
    private const long TileBytes = 64 << 10;

    private readonly ConvolutionParameters _parameters;
    private readonly Shape _input;
    private readonly long _outputRows;
    private readonly long _outputColumns;
    private readonly int _outputs;
    private readonly int _perOutput;
    private readonly int _tileRows;
    private readonly WorkerPool _workers;
    private readonly Tiles _tiles;

    /// <summary>Makes the kernel for an input of shape [N,H,W,C]; <see cref="IsFor"/> must hold.</summary>
    public XnnPatchConvolution2d(PanelWeights weights, bool hasBias, Shape input, ConvolutionParameters parameters, WorkerPool workers)
        : base(weights, hasBias, input[0] * parameters.OutputHeight(input[1]) * parameters.OutputWidth(input[2]), workers, isWhole: true)
    {
        _parameters = parameters;
        _input = input;
        _outputRows = parameters.OutputHeight(input[1]);
        _outputColumns = parameters.OutputWidth(input[2]);
        _outputs = weights.Outputs;
        _perOutput = checked((int)weights.PerOutput);
        _tileRows = (int)Math.Max(RowTile, TileBytes / (sizeof(float) * _perOutput) / RowTile * RowTile);
        _workers = workers;
        _tiles = new Tiles(this);
        Measure($"{input} {parameters}");
        try
        {
            _tiles.Create($"{input} {parameters}");
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    /// <inheritdoc/>
    public override long Flops => 2 * Results * _outputs * _perOutput;

    /// <inheritdoc/>
    public override string Name => "xnn convolution of patches";

    /// <inheritdoc/>
    protected override string FunctionName => "xnn_convolution2d_nhwc_f32 of patches";

    private long Results => _input[0] * _outputRows * _outputColumns;

    private long PatchBytes => CountedMemory.Align((long)_tileRows * _perOutput * sizeof(float));

    /// <summary>Whether this is the better way to compute a convolution.</summary>
    public static bool IsFor(ConvolutionParameters parameters, Shape input) =>
        parameters is { DilationHeight: 1, DilationWidth: 1, Groups: 1 } && parameters.KernelHeight * parameters.KernelWidth > 1 && input[3] <= MostChannels &&
        input[0] * parameters.OutputHeight(input[1]) * parameters.OutputWidth(input[2]) >= FewestResults;

    /// <inheritdoc/>
    protected override xnn_status Create(float* kernel, float* bias, int outputs, xnn_weights_cache_provider* cache, xnn_operator** created) =>
        xnn_create_convolution2d_nhwc_f32(
            0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1, (nuint)_perOutput, (nuint)outputs, (nuint)_perOutput, (nuint)outputs,
            kernel, bias, _parameters.Low, _parameters.High, (uint)XNN_FLAG_TRANSIENT_INDIRECTION_BUFFER, null, cache, created);

    /// <inheritdoc/>
    protected override xnn_status Reshape(xnn_operator* created, nuint* workspaceBytes, Pthreadpool* threads)
    {
        xnn_status status = ReshapeRows(created, _tileRows);
        *workspaceBytes = (nuint)(_workers.WorkerCount * PatchBytes);
        return status;
    }

    /// <inheritdoc/>
    protected override xnn_status Setup(xnn_operator* created, byte* workspace, byte* input, byte* output) =>
        xnn_setup_convolution2d_nhwc_f32(created, null, (float*)input, (float*)output);

    /// <inheritdoc/>
    protected override void Compute(PanelOperator operation, int first, int count, byte* workspace, byte* input, byte* output, Pthreadpool* threads, string node) =>
        _tiles.Run(operation.Packed, workspace, (float*)input, (float*)output, node);

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        _tiles.Dispose();
        base.Dispose(disposing);
    }

    // A matrix product: a convolution with one position needs no table.
    private static xnn_status ReshapeRows(xnn_operator* created, long rows)
    {
        nuint workspaceBytes;
        nuint alignment;
        return xnn_reshape_convolution2d_nhwc_f32(created, 1, 1, (nuint)rows, &workspaceBytes, &alignment, null, null, null);
    }

    // Copies the windows of some results, one after the other. Compiled for speed before the first call: a plan may run only a few times.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void CopyPatches(float* image, long first, int count, float* patches)
    {
        int channels = (int)_input[3];
        int height = (int)_input[1];
        int width = (int)_input[2];
        int kernelHeight = _parameters.KernelHeight;
        int kernelWidth = _parameters.KernelWidth;
        int length = kernelWidth * channels;
        nint lineLength = (nint)width * channels;
        (long line, long column) = Math.DivRem(first, _outputColumns);
        (long item, long row) = Math.DivRem(line, _outputRows);
        for (int i = 0; i < count; i++)
        {
            int top = (int)(row * _parameters.StrideHeight) - _parameters.PaddingTop;
            int left = (int)(column * _parameters.StrideWidth) - _parameters.PaddingLeft;
            float* source = image + (item * height + top) * lineLength + (nint)left * channels;
            bool isInside = top >= 0 && top + kernelHeight <= height && left >= 0 && left + kernelWidth <= width;
            for (int y = 0; y < kernelHeight; y++)
            {
                if (isInside)
                {
                    Copy(source, patches, length);
                }
                else
                {
                    CopyAtTheEdge(source, patches, top + y, left);
                }

                source += lineLength;
                patches += length;
            }

            if (++column == _outputColumns)
            {
                column = 0;
                if (++row == _outputRows)
                {
                    row = 0;
                    item++;
                }
            }
        }
    }

    // A few numbers, by vectors that may overlap: a call for them would take longer than they do.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Copy(float* source, float* target, int length)
    {
        if (length is >= 8 and <= 16)
        {
            Vector256<float> first = Vector256.Load(source);
            Vector256.Load(source + length - 8).Store(target + length - 8);
            first.Store(target);
        }
        else if (length is > 16 and <= 32)
        {
            Vector256.Load(source).Store(target);
            Vector256.Load(source + 8).Store(target + 8);
            Vector256.Load(source + length - 16).Store(target + length - 16);
            Vector256.Load(source + length - 8).Store(target + length - 8);
        }
        else
        {
            new ReadOnlySpan<float>(source, length).CopyTo(new Span<float>(target, length));
        }
    }

    // The part of a line of a window that lies in the image; the rest is zero.
    private void CopyAtTheEdge(float* source, float* target, int y, int left)
    {
        int channels = (int)_input[3];
        Span<float> patch = new(target, _parameters.KernelWidth * channels);
        patch.Clear();
        int before = Math.Clamp(-left, 0, _parameters.KernelWidth) * channels;
        int end = (int)Math.Clamp(_input[2] - left, 0, _parameters.KernelWidth) * channels;
        if (y >= 0 && y < _input[1] && end > before)
        {
            new ReadOnlySpan<float>(source + before, end - before).CopyTo(patch[before..]);
        }
    }

    // Results in pieces, each computed by one thread with an operator and memory of its own.
    private sealed class Tiles(XnnPatchConvolution2d kernel) : IParallelBody, IDisposable
    {
        private readonly WorkerSlots _slots = new(kernel._workers.WorkerCount);
        private readonly PanelOperator?[] _operators = new PanelOperator?[kernel._workers.WorkerCount];
        private byte* _packed;
        private byte* _workspace;
        private float* _image;
        private float* _results;
        private string _node = "";

        public void Create(string details)
        {
            for (int i = 0; i < _operators.Length; i++)
            {
                _operators[i] = kernel.CreateOperator(kernel._outputs, details);
            }
        }

        public void Run(byte* packed, byte* workspace, float* image, float* results, string node)
        {
            _packed = packed;
            _workspace = workspace;
            _image = image;
            _results = results;
            _node = node;
            long count = (kernel.Results + kernel._tileRows - 1) / kernel._tileRows;
            kernel._workers.Parallelize(this, checked((int)count), kernel.Flops / 16);
        }

        public void Execute(int index)
        {
            int slot = _slots.Acquire();
            try
            {
                long first = (long)index * kernel._tileRows;
                int count = (int)Math.Min(kernel._tileRows, kernel.Results - first);
                float* patches = (float*)(_workspace + slot * kernel.PatchBytes);
                kernel.CopyPatches(_image, first, count, patches);
                PanelOperator operation = _operators[slot]!;
                operation.PointTo(_packed);
                XnnpackLibrary.Check(ReshapeRows(operation.Pointer, count), kernel.FunctionName, _node);
                XnnpackLibrary.Check(kernel.Setup(operation.Pointer, null, (byte*)patches, (byte*)(_results + first * kernel._outputs)), kernel.FunctionName, _node);
                XnnpackLibrary.Check(xnn_run_operator(operation.Pointer, null), nameof(xnn_run_operator), _node);
            }
            finally
            {
                _slots.Release(slot);
            }
        }

        public void Dispose()
        {
            foreach (PanelOperator? operation in _operators)
            {
                operation?.Dispose();
            }
        }
    }
}
