using OnnxStream.Interop.Weights;

namespace OnnxStream.Interop.Planning;

/// <summary>Everything that a run does, decided beforehand: steps, where their tensors lie, and which weights they need in which order.</summary>
internal sealed class ExecutionPlan : IDisposable
{
    /// <summary>The steps, in order.</summary>
    public required IReadOnlyList<Step> Steps { get; init; }

    /// <summary>Where the caller's tensors go.</summary>
    public required IReadOnlyList<PlanTensor> Inputs { get; init; }

    /// <summary>Where the results lie after the last step.</summary>
    public required IReadOnlyList<PlanTensor> Outputs { get; init; }

    /// <summary>Constants that stay in memory while the plan lives.</summary>
    public required IReadOnlyList<PlanBuffer> Constants { get; init; }

    /// <summary>The ranges of weights in order of use.</summary>
    public required IReadOnlyList<WeightRange> WeightSchedule { get; init; }

    /// <summary>The weights that kernels take parts of as they need them, in no order.</summary>
    public required IReadOnlyList<WeightRange> RandomAccessWeights { get; init; }

    /// <summary>The size of the arena in bytes.</summary>
    public required long ArenaBytes { get; init; }

    /// <summary>The size of the constants in bytes.</summary>
    public required long ConstantBytes { get; init; }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (Step step in Steps)
        {
            step.Kernel.Dispose();
        }
    }
}
