using OnnxStream.Interop.Bindings;
using OnnxStream.Interop.Native;
using static OnnxStream.Interop.Bindings.Xnnpack;

namespace OnnxStream.Interop.Kernels.Xnnpack;

/// <summary>Rows times a constant matrix, plus a bias: [rows, K] x [K, N] + [N].</summary>
internal unsafe class XnnFullyConnected : PanelKernel
{
    private readonly PanelWeights _weights;
    private readonly long _rows;

    /// <summary>Makes the kernel for <paramref name="rows"/> rows.</summary>
    public XnnFullyConnected(PanelWeights weights, bool hasBias, long rows, WorkerPool workers)
        : base(weights, hasBias, rows, workers)
    {
        _weights = weights;
        _rows = rows;
        Measure($"[{rows},{weights.PerOutput}]x[{weights.PerOutput},{weights.Outputs}]");
    }

    /// <inheritdoc/>
    public override long Flops => 2 * _rows * _weights.PerOutput * _weights.Outputs;

    /// <inheritdoc/>
    public override string Name => "xnn fully connected";

    /// <inheritdoc/>
    protected override string FunctionName => "xnn_fully_connected_nc_f32";

    /// <inheritdoc/>
    protected override xnn_status Create(float* kernel, float* bias, int outputs, xnn_weights_cache_provider* cache, xnn_operator** created) =>
        xnn_create_fully_connected_nc_f32(
            (nuint)_weights.PerOutput, (nuint)outputs, (nuint)_weights.PerOutput, (nuint)_weights.Outputs, kernel, bias,
            float.NegativeInfinity, float.PositiveInfinity, _weights.IsInputMajor ? (uint)XNN_FLAG_TRANSPOSE_WEIGHTS : 0, null, cache, created);

    /// <inheritdoc/>
    protected override xnn_status Reshape(xnn_operator* created, nuint* workspaceBytes, Pthreadpool* threads) =>
        xnn_reshape_fully_connected_nc_f32(created, (nuint)_rows, threads);

    /// <inheritdoc/>
    protected override xnn_status Setup(xnn_operator* created, byte* workspace, float* input, float* output) =>
        xnn_setup_fully_connected_nc_f32(created, input, output);
}
