using OnnxStream.Interop.Bindings;
using OnnxStream.Interop.Native;
using OnnxStream.Interop.Panels;
using static OnnxStream.Interop.Bindings.Xnnpack;

namespace OnnxStream.Interop.Kernels;

/// <summary>Two-dimensional convolution without groups on channels-last tensors: [N,H,W,C] to [N,H',W',O], in panels.</summary>
/// <remarks>Data that is stored in half precision is expanded once for all panels; results are rounded panel by panel.</remarks>
internal sealed unsafe class XnnConvolution2d : PanelKernel
{
    private readonly ConvolutionParameters _parameters;
    private readonly Shape _input;
    private readonly int _outputs;
    private readonly long _perOutput;
    private readonly StorageTypes _types;

    /// <summary>Makes the kernel for an input of shape [N,H,W,C].</summary>
    public XnnConvolution2d(PanelWeights weights, bool hasBias, Shape input, ConvolutionParameters parameters, WorkerPool workers, StorageTypes types = default)
        : base(weights, hasBias, input[0] * input[1] * input[2] / (parameters.StrideHeight * parameters.StrideWidth), workers)
    {
        _parameters = parameters;
        _input = input;
        _types = types;
        _outputs = weights.Outputs;
        _perOutput = weights.PerOutput;
        Measure($"{input} {parameters}");
    }

    /// <inheritdoc/>
    public override long Flops => 2 * _input[0] * _parameters.OutputHeight(_input[1]) * _parameters.OutputWidth(_input[2]) * _outputs * _perOutput;

    /// <inheritdoc/>
    public override string Name => "xnn convolution";

    /// <inheritdoc/>
    protected override string FunctionName => "xnn_convolution2d_nhwc_f32";

    /// <inheritdoc/>
    protected override long DataBytes => _types.ReadsHalf ? CountedMemory.Align(_input.ElementCount * sizeof(float)) : 0;

    /// <inheritdoc/>
    protected override byte* Prepare(byte* data, byte* scratch)
    {
        if (_types.ReadsHalf)
        {
            StorageTypes.Expand(data, (float*)scratch, checked((int)_input.ElementCount));
        }

        return _types.ReadsHalf ? scratch : data;
    }

    /// <inheritdoc/>
    protected override xnn_status Create(float* kernel, float* bias, int outputs, xnn_weights_cache_provider* cache, xnn_operator** created) =>
        xnn_create_convolution2d_nhwc_f32(
            (uint)_parameters.PaddingTop, (uint)_parameters.PaddingRight, (uint)_parameters.PaddingBottom, (uint)_parameters.PaddingLeft,
            (uint)_parameters.KernelHeight, (uint)_parameters.KernelWidth, (uint)_parameters.StrideHeight, (uint)_parameters.StrideWidth,
            (uint)_parameters.DilationHeight, (uint)_parameters.DilationWidth, 1, (nuint)_input[3], (nuint)outputs, (nuint)_input[3], (nuint)(_types.WritesHalf ? outputs : _types.ResultStride(_outputs)),
            kernel, bias, _parameters.Low, _parameters.High, (uint)XNN_FLAG_TRANSIENT_INDIRECTION_BUFFER, null, cache, created);

    /// <inheritdoc/>
    protected override xnn_status Reshape(xnn_operator* created, nuint* workspaceBytes, Pthreadpool* threads)
    {
        nuint alignment;
        xnn_status status = xnn_reshape_convolution2d_nhwc_f32(created, (nuint)_input[0], (nuint)_input[1], (nuint)_input[2], workspaceBytes, &alignment, null, null, threads);
        *workspaceBytes += (nuint)ResultBytes;
        return status;
    }

    /// <inheritdoc/>
    protected override void Compute(PanelOperator operation, int first, int count, byte* workspace, byte* input, byte* output, Pthreadpool* threads, string node)
    {
        if (!_types.WritesHalf)
        {
            base.Compute(operation, first, count, workspace, input, output, threads, node);
            return;
        }

        nuint workspaceBytes;
        XnnpackLibrary.Check(Reshape(operation.Pointer, &workspaceBytes, threads), FunctionName, node);
        XnnpackLibrary.Check(Setup(operation.Pointer, workspace + ResultBytes, input, workspace), FunctionName, node);
        XnnpackLibrary.Check(xnn_run_operator(operation.Pointer, threads), nameof(xnn_run_operator), node);
        for (long pixel = 0; pixel < Pixels; pixel++)
        {
            StorageTypes.Round((float*)workspace + pixel * count, output + (pixel * _types.ResultStride(_outputs) + first) * sizeof(Half), count);
        }
    }

    private long Pixels => _input[0] * _parameters.OutputHeight(_input[1]) * _parameters.OutputWidth(_input[2]);

    // A panel's results in single precision, where they are not stored as that.
    private long ResultBytes => _types.WritesHalf ? CountedMemory.Align(Pixels * PanelOutputs * sizeof(float)) : 0;

    /// <inheritdoc/>
    protected override xnn_status Setup(xnn_operator* created, byte* workspace, byte* input, byte* output) =>
        xnn_setup_convolution2d_nhwc_f32(created, workspace, (float*)input, (float*)output);
}
