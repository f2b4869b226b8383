using OnnxStream.Interop.Bindings;
using OnnxStream.Interop.Native;
using static OnnxStream.Interop.Bindings.Xnnpack;

namespace OnnxStream.Interop.Kernels.Xnnpack;

/// <summary>Two-dimensional convolution with groups (depthwise included), or a transposed one, on channels-last tensors.</summary>
/// <remarks>
/// XNNPACK packs depthwise weights before it asks a cache, so panels bring nothing; and such weights are small: the operator
/// packs them into memory of its own for the time of a run. Inputs of the step: data, weight, then the bias if there is one.
/// </remarks>
internal sealed unsafe class XnnGroupedConvolution2d : Kernel
{
    private readonly ConvolutionParameters _parameters;
    private readonly PanelWeights _weights;
    private readonly Shape _input;
    private readonly bool _hasBias;
    private readonly bool _transposed;
    private readonly (int Height, int Width) _adjustment;

    /// <summary>Makes the kernel for an input of shape [N,H,W,C].</summary>
    /// <param name="weights">The weight; for a transposed convolution already as [output, space, input of the group].</param>
    /// <param name="hasBias">Whether there is a bias.</param>
    /// <param name="input">The input's shape.</param>
    /// <param name="parameters">The geometry.</param>
    /// <param name="transposed">Whether it is a transposed convolution.</param>
    /// <param name="adjustment">For a transposed convolution: rows and columns added at the bottom and right.</param>
    public XnnGroupedConvolution2d(PanelWeights weights, bool hasBias, Shape input, ConvolutionParameters parameters, bool transposed = false, (int Height, int Width) adjustment = default)
    {
        _parameters = parameters;
        _weights = weights;
        _input = input;
        _hasBias = hasBias;
        _transposed = transposed;
        _adjustment = adjustment;
    }

    /// <inheritdoc/>
    public override string Name => _transposed ? "xnn deconvolution" : "xnn grouped convolution";

    /// <inheritdoc/>
    public override long Flops => 2 * _input[0] * _weights.Outputs * _weights.PerOutput *
        (_transposed ? _input[1] * _input[2] : _parameters.OutputHeight(_input[1]) * _parameters.OutputWidth(_input[2]));

    /// <inheritdoc/>
    public override long ScratchBytes => _weights.GatherBytes(_weights.Outputs);

    /// <inheritdoc/>
    public override void Run(KernelContext context)
    {
        float* kernel = _weights.Gather(context.Input(1), 0, _weights.Outputs, (float*)context.Scratch);
        float* bias = _hasBias ? (float*)context.Input(2) : null;
        string node = context.Step.NodeName;
        Pthreadpool* threads = context.Workers.For(context.Step.Outputs[0].ElementCount * _weights.PerOutput / 8);
        xnn_operator* created = null;
        XnnpackLibrary.CheckCreated(Create(kernel, bias, &created), created, _transposed ? nameof(xnn_create_deconvolution2d_nhwc_f32) : nameof(xnn_create_convolution2d_nhwc_f32), node);
        using XnnOperatorHandle handle = new(created);
        if (_transposed)
        {
            XnnpackLibrary.Check(xnn_reshape_deconvolution2d_nhwc_f32(created, (nuint)_input[0], (nuint)_input[1], (nuint)_input[2], (uint)_adjustment.Height, (uint)_adjustment.Width, null, null, threads), nameof(xnn_reshape_deconvolution2d_nhwc_f32), node);
            XnnpackLibrary.Check(xnn_setup_deconvolution2d_nhwc_f32(created, (float*)context.Input(0), (float*)context.Output(0)), nameof(xnn_setup_deconvolution2d_nhwc_f32), node);
            XnnpackLibrary.Check(xnn_run_operator(created, threads), nameof(xnn_run_operator), node);
            return;
        }

        nuint workspaceBytes = 0;
        nuint alignment = 0;
        XnnpackLibrary.Check(xnn_reshape_convolution2d_nhwc_f32(created, (nuint)_input[0], (nuint)_input[1], (nuint)_input[2], &workspaceBytes, &alignment, null, null, threads), nameof(xnn_reshape_convolution2d_nhwc_f32), node);

        // Its size depends on weights-dependent kernel choices that are only made at creation, so it is not part of the plan.
        using NativeBuffer workspace = new((long)workspaceBytes);
        XnnpackLibrary.Check(xnn_setup_convolution2d_nhwc_f32(created, workspace.Pointer, (float*)context.Input(0), (float*)context.Output(0)), nameof(xnn_setup_convolution2d_nhwc_f32), node);
        XnnpackLibrary.Check(xnn_run_operator(created, threads), nameof(xnn_run_operator), node);
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
                (uint)_parameters.DilationHeight, (uint)_parameters.DilationWidth, (uint)groups, inputs / groups, outputs / groups, inputs, outputs,
                kernel, bias, _parameters.Low, _parameters.High, 0, null, null, created)
            : xnn_create_convolution2d_nhwc_f32(
                (uint)_parameters.PaddingTop, (uint)_parameters.PaddingRight, (uint)_parameters.PaddingBottom, (uint)_parameters.PaddingLeft,
                (uint)_parameters.KernelHeight, (uint)_parameters.KernelWidth, (uint)_parameters.StrideHeight, (uint)_parameters.StrideWidth,
                (uint)_parameters.DilationHeight, (uint)_parameters.DilationWidth, (uint)groups, inputs / groups, outputs / groups, inputs, outputs,
                kernel, bias, _parameters.Low, _parameters.High, 0, null, null, created);
    }
}
