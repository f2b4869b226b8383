using OnnxStream.Interop.Bindings;
using OnnxStream.Interop.Native;
using OnnxStream.Interop.Panels;

namespace OnnxStream.Interop.Kernels;

/// <summary>Rows times one of several constant matrices each, that of the row's expert, plus its bias: [rows, K] x [experts, N, K]' + [experts, N].</summary>
/// <remarks>
/// Rows are sorted by expert. The matrices are panels of one weight; those of experts without a row are neither read nor packed. After the inputs of a
/// <see cref="PanelKernel"/> comes the expert of each row.
/// </remarks>
internal sealed unsafe class ExpertProductKernel : PanelKernel
{
    private readonly PanelWeights _weights;
    private readonly long _rows;
    private readonly int _outputs;
    private readonly int _expertInput;
    private readonly MatrixProduct _product;

    // Of each set.
    private readonly List<ExpertRows> _experts = [];

    /// <summary>Makes the kernel.</summary>
    /// <param name="weights">The matrices behind each other; <see cref="PanelWeights.MatrixOutputs"/> is the number of output channels of one.</param>
    /// <param name="hasBias">Whether there are biases.</param>
    /// <param name="rows">The number of rows.</param>
    /// <param name="workers">The threads.</param>
    public ExpertProductKernel(PanelWeights weights, bool hasBias, long rows, WorkerPool workers)
        : base(weights, hasBias, rows, workers)
    {
        _weights = weights;
        _rows = rows;
        _outputs = weights.MatrixOutputs;
        _expertInput = (weights.IsStreamed ? 1 : 2) + (hasBias ? 1 : 0);
        _product = new MatrixProduct(weights.PerOutput, weights.IsInputMajor) { OutputStride = _outputs };
        Measure($"[{rows},{weights.PerOutput}]x[{weights.Outputs / _outputs},{_outputs},{weights.PerOutput}]");
    }

    /// <inheritdoc/>
    public override long Flops => 2 * _rows * _weights.PerOutput * _outputs;

    /// <inheritdoc/>
    public override string Name => $"xnn expert product{Format.KernelSuffix}";

    /// <inheritdoc/>
    protected override PanelProduct Product => _product;

    /// <inheritdoc/>
    protected override string Layout => "matrix";

    /// <inheritdoc/>
    protected override long Rows => _rows;

    /// <inheritdoc/>
    protected override byte* Prepare(int set, byte* data, byte* scratch)
    {
        if (set == _experts.Count)
        {
            _experts.Add(new ExpertRows(_weights.Outputs / _outputs));
        }

        _experts[set].Read((long*)Sets[set].Input(_expertInput), _rows);
        return data;
    }

    /// <inheritdoc/>
    protected override bool IsNeeded(int panel)
    {
        for (int set = 0; set < Sets.Count; set++)
        {
            if (_experts[set].Of(panel * PanelOutputs / _outputs).Count > 0)
            {
                return true;
            }
        }

        return false;
    }

    /// <inheritdoc/>
    protected override void Compute(int set, PanelOperator operation, int first, int count, byte* workspace, byte* input, byte* output, Pthreadpool* threads, string node)
    {
        (long row, long rows) = _experts[set].Of(first / _outputs);
        if (rows == 0)
        {
            return;
        }

        operation.Run(rows, workspace, input, row, output + (row * _outputs + first % _outputs) * sizeof(float), threads, node);
    }
}
