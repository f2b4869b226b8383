using OnnxStream.Interop.Bindings;
using OnnxStream.Interop.Native;
using OnnxStream.Interop.Panels;
using static OnnxStream.Interop.Bindings.Xnnpack;

namespace OnnxStream.Interop.Kernels;

/// <summary>Two-dimensional convolution with groups (depthwise included), or a transposed one, on channels-last tensors.</summary>
/// <remarks>
/// XNNPACK packs depthwise weights before it asks a cache, so panels bring nothing; and such weights are small: the operator
/// packs them into memory of its own. Where they are constant and the table of addresses that XNNPACK makes is small, the operator is kept
/// from run to run: making it takes up to a third of the time of a small layer. Inputs of the step: data, weight, then the bias if there is one.
/// </remarks>
internal sealed unsafe class XnnGroupedConvolution2d : Kernel
{
    // What is larger is made anew in every run: a table for a photograph has as many bytes as the weights of the whole network.
    private const long LargestTableBytes = 1 << 20;

    private readonly ConvolutionParameters _parameters;
    private readonly PanelWeights _weights;
    private readonly Shape _input;
    private readonly bool _hasBias;
    private readonly long _outputStride;
    private readonly bool _transposed;
    private readonly (int Height, int Width) _adjustment;
    private readonly bool _isKept;
    private readonly long _runBytes;
    private XnnOperatorHandle? _kept;
    private bool _keepsWeights;
    private long _workspaceBytes;

    /// <summary>Makes the kernel for an input of shape [N,H,W,C].</summary>
    /// <param name="weights">The weight; for a transposed convolution already as [output, space, input of the group].</param>
    /// <param name="hasBias">Whether there is a bias.</param>
    /// <param name="input">The input's shape.</param>
    /// <param name="parameters">The geometry.</param>
    /// <param name="workers">The threads.</param>
    /// <param name="types">How far rows of results are apart; numbers are single precision.</param>
    /// <param name="isConstant">Whether weight and bias are the same in every run.</param>
    /// <param name="transposed">Whether it is a transposed convolution.</param>
    /// <param name="adjustment">For a transposed convolution: rows and columns added at the bottom and right.</param>
    public XnnGroupedConvolution2d(
        PanelWeights weights, bool hasBias, Shape input, ConvolutionParameters parameters, WorkerPool workers, StorageTypes types = default, bool isConstant = false, bool transposed = false, (int Height, int Width) adjustment = default)
    {
        _parameters = parameters;
        _weights = weights;
        _input = input;
        _hasBias = hasBias;
        _outputStride = types.ResultStride(weights.Outputs);
        _transposed = transposed;
        _adjustment = adjustment;
        _isKept = isConstant && TableBytes <= LargestTableBytes;

        // With any numbers: those of the weight are there in the first run only, but the memory belongs to the plan.
        long results = input[0] * parameters.OutputHeight(input[1]) * parameters.OutputWidth(input[2]) * weights.Outputs;
        using NativeBuffer numbers = new(_weights.Outputs * _weights.PerOutput * sizeof(float));
        using NativeBuffer biases = new(_weights.Outputs * sizeof(float));
        MemoryAccount making = new(MemoryAccount.Current);
        using (MemoryAccount.Enter(making))
        {
            XnnOperatorHandle made = Make((float*)numbers.Pointer, _hasBias ? (float*)biases.Pointer : null, Threads(workers, results), $"{input} {parameters}");
            if (_isKept)
            {
                _kept = made;
            }
            else
            {
                made.Dispose();
            }

            _runBytes = Math.Max(making.PeakBytes - making.LiveBytes, _workspaceBytes + (_isKept ? 0 : making.PeakBytes));
        }

        making.Close();
    }

    /// <inheritdoc/>
    public override string Name => _transposed ? "xnn deconvolution" : "xnn grouped convolution";

    /// <inheritdoc/>
    public override long Flops => 2 * _input[0] * _weights.Outputs * _weights.PerOutput *
        (_transposed ? _input[1] * _input[2] : _parameters.OutputHeight(_input[1]) * _parameters.OutputWidth(_input[2]));

    /// <inheritdoc/>
    public override long ScratchBytes => _weights.GatherBytes(_weights.Outputs);

    /// <inheritdoc/>
    public override long RunBytes => _runBytes;

    /// <inheritdoc/>
    public override void Run(KernelContext context)
    {
        string node = context.Call.NodeName;
        Pthreadpool* threads = Threads(context.Workers, context.Call.Outputs[0].Shape.ElementCount);
        XnnOperatorHandle operation = _keepsWeights ? _kept! : Make(context, threads, node);
        try
        {
            // Only large depthwise kernels have one. Its size depends on kernel choices that are made at creation, so it is no scratch memory.
            using NativeBuffer workspace = new(_workspaceBytes);
            float* input = (float*)context.Input(0);
            float* output = (float*)context.Output(0);
            if (_transposed)
            {
                XnnpackLibrary.Check(xnn_setup_deconvolution2d_nhwc_f32(operation.Pointer, input, output), nameof(xnn_setup_deconvolution2d_nhwc_f32), node);
            }
            else
            {
                XnnpackLibrary.Check(xnn_setup_convolution2d_nhwc_f32(operation.Pointer, workspace.Pointer, input, output), nameof(xnn_setup_convolution2d_nhwc_f32), node);
            }

            XnnpackLibrary.Check(xnn_run_operator(operation.Pointer, threads), nameof(xnn_run_operator), node);
        }
        finally
        {
            if (!_keepsWeights)
            {
                operation.Dispose();
            }
        }
    }

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        _kept?.Dispose();
        base.Dispose(disposing);
    }

    // Addresses of the elements of all windows of an image. Those of neighbours in a row overlap where each channel is computed for itself.
    private long TableBytes
    {
        get
        {
            long columns = _parameters.OutputWidth(_input[2]);
            long size = (long)_parameters.KernelHeight * _parameters.KernelWidth;
            bool isDepthwise = _weights.PerOutput == size;
            long step = isDepthwise && _parameters.DilationWidth == 1 ? Math.Min(_parameters.StrideWidth, _parameters.KernelWidth) : _parameters.KernelWidth;
            return _parameters.OutputHeight(_input[1]) * (size + (columns - 1) * step * _parameters.KernelHeight) * sizeof(void*);
        }
    }

    private Pthreadpool* Threads(WorkerPool workers, long results) => workers.For(results * _weights.PerOutput / 8);

    // With the weights of this run, and for those that follow if they are the same.
    private XnnOperatorHandle Make(KernelContext context, Pthreadpool* threads, string node)
    {
        _kept?.Dispose();
        _kept = null;
        float* kernel = _weights.Gather(context.Input(1), 0, _weights.Outputs, (float*)context.Scratch);
        XnnOperatorHandle made = Make(kernel, _hasBias ? (float*)context.Input(2) : null, threads, node);
        if (_isKept)
        {
            _kept = made;
            _keepsWeights = true;
        }

        return made;
    }

    private XnnOperatorHandle Make(float* kernel, float* bias, Pthreadpool* threads, string details)
    {
        xnn_operator* created = null;
        XnnpackLibrary.CheckCreated(Create(kernel, bias, &created), created, _transposed ? nameof(xnn_create_deconvolution2d_nhwc_f32) : nameof(xnn_create_convolution2d_nhwc_f32), details);
        XnnOperatorHandle made = new(created);
        try
        {
            if (_transposed)
            {
                XnnpackLibrary.Check(xnn_reshape_deconvolution2d_nhwc_f32(created, (nuint)_input[0], (nuint)_input[1], (nuint)_input[2], (uint)_adjustment.Height, (uint)_adjustment.Width, null, null, threads), nameof(xnn_reshape_deconvolution2d_nhwc_f32), details);
                return made;
            }

            nuint workspaceBytes = 0;
            nuint alignment = 0;
            XnnpackLibrary.Check(xnn_reshape_convolution2d_nhwc_f32(created, (nuint)_input[0], (nuint)_input[1], (nuint)_input[2], &workspaceBytes, &alignment, null, null, threads), nameof(xnn_reshape_convolution2d_nhwc_f32), details);

            _workspaceBytes = (long)workspaceBytes;
            return made;
        }
        catch
        {
            made.Dispose();
            throw;
        }
    }

    private xnn_status Create(float* kernel, float* bias, xnn_operator** created)
    {
        nuint groups = (nuint)_parameters.Groups;
        nuint inputs = (nuint)_input[3];
        nuint outputs = (nuint)_weights.Outputs;
        return _transposed
            ? xnn_create_deconvolution2d_nhwc_f32(
                (uint)_parameters.PaddingTop, (uint)_parameters.PaddingRight, (uint)_parameters.PaddingBottom, (uint)_parameters.PaddingLeft,
                (uint)_parameters.KernelHeight, (uint)_parameters.KernelWidth, (uint)_parameters.StrideHeight, (uint)_parameters.StrideWidth,
                (uint)_parameters.DilationHeight, (uint)_parameters.DilationWidth, (uint)groups, inputs / groups, outputs / groups, inputs, (nuint)_outputStride,
                kernel, bias, _parameters.Low, _parameters.High, 0, null, null, created)
            : xnn_create_convolution2d_nhwc_f32(
                (uint)_parameters.PaddingTop, (uint)_parameters.PaddingRight, (uint)_parameters.PaddingBottom, (uint)_parameters.PaddingLeft,
                (uint)_parameters.KernelHeight, (uint)_parameters.KernelWidth, (uint)_parameters.StrideHeight, (uint)_parameters.StrideWidth,
                (uint)_parameters.DilationHeight, (uint)_parameters.DilationWidth, (uint)groups, inputs / groups, outputs / groups, inputs, (nuint)_outputStride,
                kernel, bias, _parameters.Low, _parameters.High, 0, null, null, created);
    }
}
