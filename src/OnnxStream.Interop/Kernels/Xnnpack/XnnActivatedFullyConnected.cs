using OnnxStream.Interop.Bindings;
using OnnxStream.Interop.Kernels.Managed;
using OnnxStream.Interop.Native;

namespace OnnxStream.Interop.Kernels.Xnnpack;

/// <summary>Rows times a constant matrix, plus a bias, through an activation that is applied to each panel's columns while they are in the cache.</summary>
internal sealed unsafe class XnnActivatedFullyConnected<TFunction>(PanelWeights weights, bool hasBias, long rows, WorkerPool workers) : XnnFullyConnected(weights, hasBias, rows, workers)
    where TFunction : IActivationFunction
{
    private readonly long _rows = rows;
    private readonly int _outputs = weights.Outputs;

    /// <inheritdoc/>
    public override string Name => "xnn fully connected, activated";

    /// <inheritdoc/>
    protected override void Compute(PanelOperator operation, int first, int count, byte* workspace, float* input, float* output, Pthreadpool* threads, string node)
    {
        base.Compute(operation, first, count, workspace, input, output, threads, node);
        for (long row = 0; row < _rows; row++)
        {
            float* columns = output + row * _outputs + first;
            ActivationKernel<TFunction>.Apply(columns, null, columns, count);
        }
    }
}
