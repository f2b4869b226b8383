using OnnxStream.Interop.Panels;
using OnnxStream.Interop.Weights;

namespace OnnxStream.Interop.Kernels;

/// <summary>Code that computes one step. Made when the plan is made, for fixed shapes; run many times.</summary>
internal abstract class Kernel : IDisposable
{
    /// <summary>A short name for traces, such as <c>xnn fully connected</c>.</summary>
    public abstract string Name { get; }

    /// <summary>Floating-point operations as the operator is defined (a multiplication and an addition are two), 0 where there are no products. A better algorithm may do fewer.</summary>
    public virtual long Flops => 0;

    /// <summary>Bytes of the arena that only this step needs while it runs.</summary>
    public virtual long ScratchBytes => 0;

    /// <summary>The most bytes of native memory that the kernel allocates while it runs, beside its scratch memory and weights, and frees again.</summary>
    public virtual long RunBytes => 0;

    /// <summary>The ranges that the kernel acquires itself, in order of use. Other weights are brought in for it.</summary>
    public virtual IReadOnlyList<WeightRange> StreamedWeights => [];

    /// <summary>The most bytes of <see cref="StreamedWeights"/> that the kernel holds at once.</summary>
    /// <param name="measure">What a range takes while it is held.</param>
    public virtual long WeightsInUse(WeightMeasure measure) => StreamedWeights.Select(range => measure.Streamed(range)).DefaultIfEmpty().Max();

    /// <summary>The layers whose panels could come from a store.</summary>
    public virtual IEnumerable<IPanelLayer> PanelLayers => this is IPanelLayer layer ? [layer] : [];

    /// <summary>Weights of which the kernel copies parts with <see cref="KernelContext.ReadWeight"/>, in no order.</summary>
    public virtual IReadOnlyList<WeightRange> PartlyReadWeights => [];

    /// <summary>Whether the first output may take the memory of this input, if nobody else needs it and the sizes are equal.</summary>
    public virtual bool CanRunInPlace(int input) => false;

    /// <summary>
    /// How many bytes before this input the first output may begin, if nobody else needs the input: the kernel then writes over what it has read. Null if it
    /// cannot. A kernel finds out from the addresses whether it is so.
    /// </summary>
    public virtual long? Lead(int input) => null;

    /// <summary>
    /// Whether the kernel takes parts of this input that only the run can tell, with <see cref="KernelContext.ReadInput"/>:
    /// a weight then stays where it is, and the input has no address.
    /// </summary>
    public virtual bool AccessesRandomly(int input) => false;

    /// <summary>Computes the outputs from the inputs.</summary>
    public abstract void Run(KernelContext context);

    /// <summary>Computes the outputs of several sets of inputs of the same shapes.</summary>
    /// <remarks>
    /// A kernel that brings in weights itself (<see cref="StreamedWeights"/>) acquires each of them once for all sets. Each set has scratch memory of its own;
    /// what all sets use, such as a packed panel, lies in that of the first. Results are those of one run for each set, to the bit.
    /// </remarks>
    /// <param name="sets">For each set, the addresses of its tensors; the weights are the same.</param>
    public virtual void RunSets(KernelContext[] sets)
    {
        foreach (KernelContext set in sets)
        {
            Run(set);
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        Dispose(disposing: true);
        GC.SuppressFinalize(this);
    }

    /// <summary>Frees native resources.</summary>
    protected virtual void Dispose(bool disposing)
    {
    }
}
