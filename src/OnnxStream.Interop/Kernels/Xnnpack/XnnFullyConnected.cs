using OnnxStream.Interop.Bindings;
using OnnxStream.Interop.Native;
using OnnxStream.Interop.Panels;

namespace OnnxStream.Interop.Kernels;

/// <summary>Rows times a constant matrix, plus a bias: [rows, K] x [K, N] + [N].</summary>
/// <remarks>Where data or results are not stored in single precision, a panel is computed for some rows at a time, which are single precision only in the cache.</remarks>
internal unsafe class XnnFullyConnected : PanelKernel
{
    private const long TileBytes = 512 << 10;

    // Data and results of a piece are in a cache when its results go through a function. A thread that is held up leaves pieces to the others.
    private const long PieceBytes = 256 << 10;
    private const int PiecesOfWorker = 2;
    private const int PieceRows = 14;

    private readonly PanelWeights _weights;
    private readonly long _rows;
    private readonly StorageTypes _types;
    private readonly MatrixProduct _product;
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
        : base(weights, hasBias, rows, workers, sharesRows: isActivated && !types.Expands && !types.Rounds)
    {
        _weights = weights;
        _rows = rows;
        _types = types;
        _stride = types.ResultStride(weights.Outputs);
        _product = new MatrixProduct(weights.PerOutput, weights.IsInputMajor) { OutputStride = types.Rounds ? 0 : _stride, Low = low, High = high };
        long perRow = sizeof(float) * ((types.Expands ? weights.PerOutput : 0) + (types.Rounds ? PanelOutputs : 0));
        _tileRows = perRow == 0 ? 0 : (int)Math.Min(rows, Math.Max(RowTile, TileBytes / perRow / RowTile * RowTile));
        long pieces = Math.Max(PiecesOfWorker * workers.WorkerCount, rows * (weights.PerOutput + PanelOutputs) * sizeof(float) / PieceBytes);
        _pieceRows = (int)Math.Min(rows, ((rows + pieces - 1) / pieces + PieceRows - 1) / PieceRows * PieceRows);
        Measure($"[{rows},{weights.PerOutput}]x[{weights.PerOutput},{weights.Outputs}]");
    }

    /// <inheritdoc/>
    public override long Flops => 2 * _rows * _weights.PerOutput * _weights.Outputs;

    /// <inheritdoc/>
    public override string Name => $"xnn fully connected{Format.KernelSuffix}";

    /// <inheritdoc/>
    protected override PanelProduct Product => _product;

    /// <inheritdoc/>
    protected override string Layout => "matrix";

    /// <inheritdoc/>
    protected override long Rows => _rows;

    /// <inheritdoc/>
    protected override long ConvertedRows => _types.Expands ? 0 : _rows;

    /// <inheritdoc/>
    protected override long WorkspaceBytes(PanelOperator operation, string details)
    {
        operation.Reshape(_rows, null, details);
        return ExpandedBytes + ConvertedBytes + (_types.Rounds ? (long)_tileRows * PanelOutputs * sizeof(float) : 0);
    }

    /// <inheritdoc/>
    protected override void Compute(int set, PanelOperator operation, int first, int count, byte* workspace, byte* input, byte* output, Pthreadpool* threads, string node)
    {
        if (_tileRows == 0)
        {
            base.Compute(set, operation, first, count, workspace, input, output, threads, node);
            ActivateRows((float*)output + first, _rows, count);
            return;
        }

        float* expanded = (float*)workspace;
        float* exact = (float*)(workspace + ExpandedBytes + ConvertedBytes);
        for (long row = 0; row < _rows; row += _tileRows)
        {
            int rows = (int)Math.Min(_tileRows, _rows - row);
            byte* target = output + _types.ResultOffset(row, _weights.Outputs, first);
            byte* results = _types.Rounds ? (byte*)exact : target;
            if (_types.Expands)
            {
                _types.Data.ExpandRows(input + row * _types.Data.Bytes(_weights.PerOutput), expanded, rows, (int)_weights.PerOutput);
                byte* converted = Format.Convert(_product, rows, (byte*)expanded, workspace + ExpandedBytes);
                operation.Run(rows, null, converted, 0, results, threads, node);
            }
            else
            {
                operation.Run(rows, null, input, row, results, threads, node);
            }

            for (int i = 0; (HasActivation || _types.Rounds) && i < rows; i++)
            {
                byte* columns = target + i * _types.ResultRowBytes(_weights.Outputs);
                float* row32 = _types.Rounds ? exact + (long)i * count : (float*)columns;
                if (HasActivation)
                {
                    Activate(row32, count);
                }

                if (_types.Rounds)
                {
                    _types.Results.Round(row32, columns, count);
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
        operation.Run(rows, null, input, row, (byte*)results, null, node);
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

    private long ConvertedBytes => _types.Expands ? CountedMemory.Align(Format.ConvertedBytes(_product, _tileRows)) : 0;

    private long ExpandedBytes => _types.Expands ? CountedMemory.Align(_tileRows * _weights.PerOutput * sizeof(float)) : 0;
}
