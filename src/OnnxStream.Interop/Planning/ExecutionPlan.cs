using OnnxStream.Interop.Native;
using OnnxStream.Interop.Panels;
using OnnxStream.Interop.Steps;
using OnnxStream.Interop.Weights;

namespace OnnxStream.Interop.Planning;

/// <summary>Everything that a run does, decided beforehand: steps, where their tensors lie, and which weights they need in which order.</summary>
internal sealed class ExecutionPlan : IDisposable
{
    /// <summary>What everything is charged to that is held for the plan, its kernels and those who run it included; null for a part of another plan.</summary>
    public required MemoryAccount? Account { get; init; }

    /// <summary>The steps, in order.</summary>
    public required IReadOnlyList<Step> Steps { get; set; }

    /// <summary>Where the caller's tensors go.</summary>
    public required IReadOnlyList<PlanTensor> Inputs { get; set; }

    /// <summary>Where the results lie after the last step.</summary>
    public required IReadOnlyList<PlanTensor> Outputs { get; set; }

    /// <summary>Whether an input is read where the caller has it.</summary>
    public bool IsExternalInput(int index) => Inputs[index].Buffer.ExternalIndex == index;

    /// <summary>Whether an output is written where the caller wants it.</summary>
    public bool IsExternalOutput(int index) => Outputs[index].Buffer.ExternalIndex == Inputs.Count + index;

    /// <summary>Constants that stay in memory while the plan lives.</summary>
    public required IReadOnlyList<PlanBuffer> Constants { get; init; }

    /// <summary>The ranges of weights in order of use.</summary>
    public required IReadOnlyList<WeightRange> WeightSchedule { get; init; }

    /// <summary>The weights that kernels take parts of as they need them, in no order.</summary>
    public required IReadOnlyList<PartlyReadWeight> PartlyReadWeights { get; init; }

    /// <summary>The size of the arena in bytes.</summary>
    public required long ArenaBytes { get; init; }

    /// <summary>The size of the constants in bytes.</summary>
    public required long ConstantBytes { get; init; }

    /// <summary>The native memory of the kernels.</summary>
    public required long OperatorBytes { get; init; }

    /// <summary>The most native memory that a kernel allocates while it runs and frees again.</summary>
    public required long RunBytes { get; init; }

    /// <summary>The steps that can be made again for other shapes; null if the plan is for one set of shapes.</summary>
    public GrowingSteps? Growing { get; init; }

    /// <summary>The memory for weights where panels are read: the least that will do.</summary>
    public required WeightMemory ReadWeights { get; init; }

    /// <summary>The memory for weights where panels are used in a mapped file, if the provider does that; otherwise <see cref="ReadWeights"/>.</summary>
    public required WeightMemory MappedWeights { get; init; }

    /// <summary>The native memory that running the plan needs beside weights in use.</summary>
    /// <param name="sets">The sets of inputs that it is run for together: each has an arena of its own.</param>
    public long NativeBytesFor(int sets) => sets * ArenaBytes + ConstantBytes + OperatorBytes + RunBytes + ReadWeights.BufferBytes;

    /// <summary>Takes steps and tensors of other shapes, in the same memory.</summary>
    public void Refit(IReadOnlyList<Step> steps, IReadOnlyList<PlanTensor> inputs, IReadOnlyList<PlanTensor> outputs) => (Steps, Inputs, Outputs) = (steps, inputs, outputs);

    /// <summary>The plan as people see it.</summary>
    /// <param name="name">What it is the plan of.</param>
    /// <param name="bufferBytes">The size of the buffers that weights are copied into.</param>
    /// <param name="windowBytes">The most bytes of weights that are resident at once beside them.</param>
    /// <param name="tensorBytes">The tensors outside of the plan while it runs.</param>
    /// <param name="smallestBudgetBytes">The smallest budget that can be met.</param>
    /// <param name="sets">The sets of inputs that it is run for together.</param>
    public PlanPart Summarize(string name, long bufferBytes, long windowBytes, long tensorBytes, long smallestBudgetBytes, int sets)
    {
        PlanBuffer[] buffers = [.. Steps.SelectMany(step => step.Inputs.Concat(step.Outputs).Select(tensor => tensor.Buffer).Concat(step.Scratch is { } scratch ? [scratch.Actual] : []))
            .Concat(Inputs.Concat(Outputs).Select(tensor => tensor.Buffer)).Where(buffer => buffer.IsInArena && buffer.LastStep >= 0).Distinct()];
        long[] live = new long[Steps.Count];
        foreach (PlanBuffer buffer in buffers)
        {
            for (int i = Math.Max(0, buffer.FirstStep); i <= Math.Min(Steps.Count - 1, buffer.LastStep); i++)
            {
                live[i] += CountedMemory.Align(buffer.Length);
            }
        }

        return new PlanPart(
            name,
            [.. Steps.Select((step, i) => new PlanStep(
                step.NodeName, step.OperatorType, step.Kernel.Name, step.DescribeShapes(), step.Kernel.Flops, step.Kernel.PanelLayers.Sum(layer => layer.PanelCount),
                step.Kernel.StreamedWeights.Concat(step.Kernel.PartlyReadWeights).Concat(step.Inputs.Where((_, k) => step.InputWeights[k] >= 0).Select(input => input.Buffer.Constant!.Location!.Value)).Sum(range => range.Length),
                step.Scratch?.Length ?? 0, live[i]))],
            sets * ArenaBytes, ConstantBytes, OperatorBytes + RunBytes, bufferBytes, windowBytes, tensorBytes, smallestBudgetBytes)
        {
            Weights = [.. Steps.SelectMany(step => step.Kernel.PanelLayers.Select(layer => (step.NodeName, Layer: layer))).Where(use => use.Layer.Identity is not null).Select(use => Describe(use.NodeName, use.Layer)).DistinctBy(weight => weight.Identity)],
        };
    }

    private static PlanWeight Describe(string nodeName, IPanelLayer layer) =>
        new(layer.WeightName!, nodeName, layer.Format.StoredType, layer.PanelCount, Enumerable.Range(0, layer.PanelCount).Sum(panel => layer.Format.StoredBytes(layer.PackedBytes(panel))))
        {
            Identity = $"{layer.Format.Identity}:{layer.Identity}",
        };

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (Step step in Steps)
        {
            step.Kernel.Dispose();
        }

        Account?.Close();
    }
}
