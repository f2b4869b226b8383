using OnnxStream.Interop.Bindings;
using OnnxStream.Interop.Native;
using OnnxStream.Interop.Panels;

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
    private readonly MatrixProduct _product;

    /// <summary>Makes the kernel for <paramref name="rows"/> rows.</summary>
    public XnnGatedFullyConnected(PanelWeights weights, bool hasBias, long rows, WorkerPool workers, StorageTypes types = default)
        : base(weights, hasBias, rows, workers)
    {
        _weights = weights;
        _rows = rows;
        _types = types;
        _product = new MatrixProduct(weights.PerOutput, IsInputMajor: true);
        long perRow = sizeof(float) * (PanelOutputs + (types.Expands ? weights.PerOutput : 0));
        _tileRows = (int)Math.Min(rows, Math.Max(RowTile, TileBytes / perRow / RowTile * RowTile));
        Measure($"[{rows},{weights.PerOutput}]x[{weights.PerOutput},2x{weights.Outputs / 2}]");
    }

    /// <inheritdoc/>
    public override long Flops => 2 * _rows * _weights.PerOutput * _weights.Outputs;

    /// <inheritdoc/>
    public override string Name => $"xnn gated fully connected{Format.KernelSuffix}";

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
        operation.Reshape(_tileRows, null, details);
        return ProductBytes + ExpandedBytes + (_types.Expands ? Format.ConvertedBytes(_product, _tileRows) : 0);
    }

    /// <inheritdoc/>
    protected override void Compute(int set, PanelOperator operation, int first, int count, byte* workspace, byte* input, byte* output, Pthreadpool* threads, string node)
    {
        int columns = count / 2;
        float* expanded = (float*)(workspace + ProductBytes);
        for (long row = 0; row < _rows; row += _tileRows)
        {
            int rows = (int)Math.Min(_tileRows, _rows - row);
            if (_types.Expands)
            {
                _types.Data.ExpandRows(input + row * _types.Data.Bytes(_weights.PerOutput), expanded, rows, (int)_weights.PerOutput);
                byte* converted = Format.Convert(_product, rows, (byte*)expanded, (byte*)expanded + ExpandedBytes);
                operation.Run(rows, null, converted, 0, workspace, threads, node);
            }
            else
            {
                operation.Run(rows, null, input, row, workspace, threads, node);
            }

            for (long i = 0; i < rows; i++)
            {
                float* products = (float*)workspace + i * count;
                byte* target = output + _types.ResultOffset(row + i, _weights.Outputs / 2, first / 2);
                float* results = _types.Rounds ? products : (float*)target;
                ActivationKernel<TFunction>.Apply(products + columns, products, results, columns);
                if (_types.Rounds)
                {
                    _types.Results.Round(results, target, columns);
                }
            }
        }
    }

    private long ExpandedBytes => _types.Expands ? CountedMemory.Align(_tileRows * _weights.PerOutput * sizeof(float)) : 0;

    private long ProductBytes => CountedMemory.Align((long)_tileRows * PanelOutputs * sizeof(float));
}
