using OnnxStream.Interop.Native;
using OnnxStream.Interop.Panels;

namespace OnnxStream.Interop.Kernels;

/// <summary>Rows times a constant matrix, plus a bias, through an activation that is applied to each panel's columns while they are in the cache.</summary>
internal sealed unsafe class XnnActivatedFullyConnected<TFunction>(PanelWeights weights, bool hasBias, long rows, WorkerPool workers, StorageTypes types = default)
    : XnnFullyConnected(weights, hasBias, rows, workers, types, isActivated: true)
    where TFunction : IActivationFunction
{
    /// <inheritdoc/>
    public override string Name => $"xnn fully connected, activated{Format.KernelSuffix}";

    /// <inheritdoc/>
    protected override bool HasActivation => true;

    /// <inheritdoc/>
    protected override void Activate(float* values, int count) => ActivationKernel<TFunction>.Apply(values, null, values, count);
}
