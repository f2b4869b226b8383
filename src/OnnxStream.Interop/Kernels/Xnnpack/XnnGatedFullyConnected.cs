using OnnxStream.Interop.Bindings;
using OnnxStream.Interop.Native;
using OnnxStream.Interop.Panels;
using static OnnxStream.Interop.Bindings.Xnnpack;

namespace OnnxStream.Interop.Kernels;

/// <summary>Rows times a constant matrix, of which the first half of the columns is multiplied with the activated second half: [rows, K] x [K, 2N] to [rows, N].</summary>
/// <remarks>
/// A panel holds the same columns of both halves. It is computed for some rows at a time, whose products stay in the cache until they
/// are gated: the tensor of twice the size never exists.
/// </remarks>
internal sealed unsafe class XnnGatedFullyConnected<TFunction> : PanelKernel
    where TFunction : IActivationFunction
{
    private const long TileBytes = 768 << 10;

    private readonly PanelWeights _weights;
    private readonly long _rows;
    private readonly StorageTypes _types;
    private readonly int _tileRows;

    /// <summary>Makes the kernel for <paramref name="rows"/> rows.</summary>
    public XnnGatedFullyConnected(PanelWeights weights, bool hasBias, long rows, WorkerPool workers, StorageTypes types = default)
        : base(weights, hasBias, rows, workers)
    {
        _weights = weights;
        _rows = rows;
        _types = types;
        long perRow = sizeof(float) * (PanelOutputs + (types.ReadsHalf ? weights.PerOutput : 0));
        _tileRows = (int)Math.Min(rows, Math.Max(RowTile, TileBytes / perRow / RowTile * RowTile));
        Measure($"[{rows},{weights.PerOutput}]x[{weights.PerOutput},2x{weights.Outputs / 2}]");
    }

    /// <inheritdoc/>
    public override long Flops => 2 * _rows * _weights.PerOutput * _weights.Outputs;

    /// <inheritdoc/>
    public override string Name => "xnn gated fully connected";

    /// <inheritdoc/>
    protected override string FunctionName => nameof(xnn_create_fully_connected_nc_f32);

    /// <inheritdoc/>
    protected override xnn_status Create(float* kernel, float* bias, int outputs, xnn_weights_cache_provider* cache, xnn_operator** created) =>
        xnn_create_fully_connected_nc_f32(
            (nuint)_weights.PerOutput, (nuint)outputs, (nuint)_weights.PerOutput, (nuint)outputs, kernel, bias,
            float.NegativeInfinity, float.PositiveInfinity, (uint)XNN_FLAG_TRANSPOSE_WEIGHTS, null, cache, created);

    /// <inheritdoc/>
    protected override xnn_status Reshape(xnn_operator* created, nuint* workspaceBytes, Pthreadpool* threads)
    {
        *workspaceBytes = (nuint)(ProductBytes + (_types.ReadsHalf ? _tileRows * _weights.PerOutput * sizeof(float) : 0));
        return xnn_reshape_fully_connected_nc_f32(created, (nuint)_tileRows, threads);
    }

    /// <inheritdoc/>
    protected override xnn_status Setup(xnn_operator* created, byte* workspace, byte* input, byte* output) =>
        xnn_setup_fully_connected_nc_f32(created, (float*)input, (float*)output);

    /// <inheritdoc/>
    protected override void Compute(PanelOperator operation, int first, int count, byte* workspace, byte* input, byte* output, Pthreadpool* threads, string node)
    {
        int columns = count / 2;
        long stride = _weights.Outputs / 2;
        float* expanded = (float*)(workspace + ProductBytes);
        for (long row = 0; row < _rows; row += _tileRows)
        {
            int rows = (int)Math.Min(_tileRows, _rows - row);
            byte* source = input + row * _weights.PerOutput * _types.InputSize;
            if (_types.ReadsHalf)
            {
                StorageTypes.Expand(source, expanded, (int)(rows * _weights.PerOutput));
                source = (byte*)expanded;
            }

            XnnpackLibrary.Check(xnn_reshape_fully_connected_nc_f32(operation.Pointer, (nuint)rows, threads), nameof(xnn_reshape_fully_connected_nc_f32), node);
            XnnpackLibrary.Check(Setup(operation.Pointer, workspace, source, workspace), nameof(xnn_setup_fully_connected_nc_f32), node);
            XnnpackLibrary.Check(xnn_run_operator(operation.Pointer, threads), nameof(xnn_run_operator), node);
            for (long i = 0; i < rows; i++)
            {
                float* products = (float*)workspace + i * count;
                byte* target = output + ((row + i) * stride + first / 2) * _types.OutputSize;
                float* results = _types.WritesHalf ? products : (float*)target;
                ActivationKernel<TFunction>.Apply(products + columns, products, results, columns);
                if (_types.WritesHalf)
                {
                    StorageTypes.Round(results, target, columns);
                }
            }
        }
    }

    private long ProductBytes => CountedMemory.Align((long)_tileRows * PanelOutputs * sizeof(float));
}
