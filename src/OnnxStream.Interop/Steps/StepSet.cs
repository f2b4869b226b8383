using OnnxStream.Interop.Kernels;

namespace OnnxStream.Interop.Steps;

/// <summary>The memory of one of the sets of tensors that steps are run for.</summary>
/// <param name="context">What kernels see of the set.</param>
internal sealed unsafe class StepSet(KernelContext context)
{
    /// <summary>The first byte of the arena.</summary>
    public byte* Arena { get; set; }

    /// <summary>The first bytes of the buffers that are memory of a caller (<see cref="PlanBuffer.ExternalIndex"/>); none in a plan inside of a step.</summary>
    public nint[] External { get; init; } = [];

    /// <summary>What kernels see.</summary>
    public KernelContext Context => context;
}
