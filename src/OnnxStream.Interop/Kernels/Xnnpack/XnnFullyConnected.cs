using OnnxStream.Interop.Bindings;
using OnnxStream.Interop.Native;
using OnnxStream.Interop.Panels;
using static OnnxStream.Interop.Bindings.Xnnpack;

namespace OnnxStream.Interop.Kernels;

/// <summary>Rows times a constant matrix, plus a bias: [rows, K] x [K, N] + [N].</summary>
/// <remarks>Where data or results are stored in half precision, a panel is computed for some rows at a time, which are single precision only in the cache.</remarks>
internal unsafe class XnnFullyConnected : PanelKernel
{
    /// <summary>For fewer outputs, XNNPACK's fully connected operator has kernels a quarter as fast (the width of its tiles; least with AVX-512). Its convolutions have not.</summary>
    public const int FewestOutputs = 32;

    private const long TileBytes = 512 << 10;

    // Data and results of a piece are in a cache when its results go through a function. A thread that is held up leaves pieces to the others.
    private const long PieceBytes = 256 << 10;
    private const int PiecesOfWorker = 2;
    private const int PieceRows = 14;

    private readonly PanelWeights _weights;
    private readonly long _rows;
    private readonly StorageTypes _types;
    private readonly float _low;
    private readonly float _high;
    private readonly int _tileRows;
    private readonly long _stride;
    private readonly int _pieceRows;

    /// <summary>Makes the kernel for <paramref name="rows"/> rows.</summary>
    /// <param name="weights">The matrix.</param>
    /// <param name="hasBias">Whether there is a bias.</param>
    /// <param name="rows">The number of rows.</param>
    /// <param name="workers">The threads.</param>
    /// <param name="types">How data and results are stored.</param>
    /// <param name="low">The least result; what would be less becomes it.</param>
    /// <param name="high">The greatest result.</param>
    /// <param name="isActivated">Whether results go through <see cref="Activate"/>.</param>
    public XnnFullyConnected(
        PanelWeights weights, bool hasBias, long rows, WorkerPool workers, StorageTypes types = default, float low = float.NegativeInfinity, float high = float.PositiveInfinity, bool isActivated = false)
        : base(weights, hasBias, rows, workers, sharesRows: isActivated && !types.ReadsHalf && !types.WritesHalf)
    {
        _weights = weights;
        _rows = rows;
        _types = types;
        _stride = types.ResultStride(weights.Outputs);
        _low = low;
        _high = high;
        long perRow = sizeof(float) * ((types.ReadsHalf ? weights.PerOutput : 0) + (types.WritesHalf ? PanelOutputs : 0));
        _tileRows = perRow == 0 ? 0 : (int)Math.Min(rows, Math.Max(RowTile, TileBytes / perRow / RowTile * RowTile));
        long pieces = Math.Max(PiecesOfWorker * workers.WorkerCount, rows * (weights.PerOutput + PanelOutputs) * sizeof(float) / PieceBytes);
        _pieceRows = (int)Math.Min(rows, ((rows + pieces - 1) / pieces + PieceRows - 1) / PieceRows * PieceRows);
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
            (nuint)_weights.PerOutput, (nuint)outputs, (nuint)_weights.PerOutput, (nuint)(_types.WritesHalf ? outputs : _stride), kernel, bias,
            _low, _high, _weights.IsInputMajor ? (uint)XNN_FLAG_TRANSPOSE_WEIGHTS : 0, null, cache, created);

    /// <inheritdoc/>
    protected override xnn_status Reshape(xnn_operator* created, nuint* workspaceBytes, Pthreadpool* threads)
    {
        *workspaceBytes = (nuint)(ExpandedBytes + (_types.WritesHalf ? (long)_tileRows * PanelOutputs * sizeof(float) : 0));
        return xnn_reshape_fully_connected_nc_f32(created, (nuint)_rows, threads);
    }

    /// <inheritdoc/>
    protected override xnn_status Setup(xnn_operator* created, byte* workspace, byte* input, byte* output) =>
        xnn_setup_fully_connected_nc_f32(created, (float*)input, (float*)output);

    /// <inheritdoc/>
    protected override void Compute(PanelOperator operation, int first, int count, byte* workspace, byte* input, byte* output, Pthreadpool* threads, string node)
    {
        if (_tileRows == 0)
        {
            base.Compute(operation, first, count, workspace, input, output, threads, node);
            ActivateRows((float*)output + first, _rows, count);
            return;
        }

        float* expanded = (float*)workspace;
        float* exact = (float*)(workspace + ExpandedBytes);
        for (long row = 0; row < _rows; row += _tileRows)
        {
            int rows = (int)Math.Min(_tileRows, _rows - row);
            byte* source = input + row * _weights.PerOutput * _types.InputSize;
            byte* target = output + (row * _stride + first) * _types.OutputSize;
            if (_types.ReadsHalf)
            {
                StorageTypes.Expand(source, expanded, (int)(rows * _weights.PerOutput));
                source = (byte*)expanded;
            }

            XnnpackLibrary.Check(xnn_reshape_fully_connected_nc_f32(operation.Pointer, (nuint)rows, threads), FunctionName, node);
            XnnpackLibrary.Check(Setup(operation.Pointer, workspace, source, _types.WritesHalf ? (byte*)exact : target), FunctionName, node);
            XnnpackLibrary.Check(xnn_run_operator(operation.Pointer, threads), nameof(xnn_run_operator), node);
            for (int i = 0; (HasActivation || _types.WritesHalf) && i < rows; i++)
            {
                byte* columns = target + i * _stride * _types.OutputSize;
                float* results = _types.WritesHalf ? exact + (long)i * count : (float*)columns;
                if (HasActivation)
                {
                    Activate(results, count);
                }

                if (_types.WritesHalf)
                {
                    StorageTypes.Round(results, columns, count);
                }
            }
        }
    }

    /// <inheritdoc/>
    protected override int PieceCount => (int)((_rows + _pieceRows - 1) / _pieceRows);

    /// <inheritdoc/>
    protected override void ComputePiece(int piece, PanelOperator operation, int first, int count, byte* input, byte* output, string node)
    {
        long row = (long)piece * _pieceRows;
        long rows = Math.Min(_pieceRows, _rows - row);
        float* results = (float*)output + row * _stride + first;
        XnnpackLibrary.Check(xnn_reshape_fully_connected_nc_f32(operation.Pointer, (nuint)rows, null), FunctionName, node);
        XnnpackLibrary.Check(Setup(operation.Pointer, null, (byte*)((float*)input + row * _weights.PerOutput), (byte*)results), FunctionName, node);
        XnnpackLibrary.Check(xnn_run_operator(operation.Pointer, null), nameof(xnn_run_operator), node);
        ActivateRows(results, rows, count);
    }

    /// <summary>Whether results go through <see cref="Activate"/>.</summary>
    protected virtual bool HasActivation => false;

    /// <summary>Replaces numbers by what the activation makes of them.</summary>
    protected virtual void Activate(float* values, int count)
    {
    }

    private void ActivateRows(float* results, long rows, int count)
    {
        if (HasActivation && count == _stride)
        {
            Activate(results, checked((int)(rows * count)));
            return;
        }

        for (long row = 0; HasActivation && row < rows; row++)
        {
            Activate(results + row * _stride, count);
        }
    }

    private long ExpandedBytes => _types.ReadsHalf ? CountedMemory.Align(_tileRows * _weights.PerOutput * sizeof(float)) : 0;
}
