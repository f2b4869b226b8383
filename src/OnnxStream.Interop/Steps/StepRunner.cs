using OnnxStream.Interop.Kernels;
using OnnxStream.Interop.Weights;

namespace OnnxStream.Interop.Steps;

/// <summary>Runs steps of a plan in memory that somebody else owns: each for one set of tensors or for several, with weights that are brought in once.</summary>
internal sealed unsafe class StepRunner(WeightStream weights)
{
    private StepSet[] _sets = [];
    private KernelContext[] _contexts = [];

    /// <summary>The sets, each with an arena of its own.</summary>
    public IReadOnlyList<StepSet> Sets
    {
        get => _sets;
        set
        {
            _sets = [.. value];
            _contexts = Array.ConvertAll(_sets, set => set.Context);
        }
    }

    /// <summary>The first byte of the constants.</summary>
    public byte* Constants { get; set; }

    /// <summary>Where the plan's weights start in the stream's schedule.</summary>
    public int FirstWeight { get; set; }

    /// <summary>Where the plan's partly read weights start in the stream's list.</summary>
    public int FirstPart { get; set; }

    /// <summary>The first byte of a set's tensor. Weights have no address of their own; whoever needs one has acquired it.</summary>
    public byte* Address(PlanTensor tensor, StepSet set) =>
        tensor.Buffer.IsExternal ? (byte*)set.External[tensor.Buffer.ExternalIndex] + tensor.Offset :
        tensor.Buffer.Constant is null ? set.Arena + tensor.Buffer.Offset + tensor.Offset :
        tensor.Buffer.Constant.Data is not null ? Constants + tensor.Buffer.Offset + tensor.Offset : null;

    /// <summary>Brings in the weights that the step reads, runs it for all sets, and gives them back.</summary>
    public void Run(Step step)
    {
        foreach (StepSet set in _sets)
        {
            set.Context.Begin(step.Call, step.Scratch is { } scratch ? set.Arena + scratch.Actual.Offset : null, FirstWeight + step.FirstWeight, FirstPart + step.FirstPart);
        }

        int acquired = 0;
        try
        {
            for (; acquired < step.Inputs.Length; acquired++)
            {
                SetInput(step, acquired);
            }

            for (int i = 0; i < step.Outputs.Length; i++)
            {
                foreach (StepSet set in _sets)
                {
                    set.Context.SetOutput(i, Address(step.Outputs[i], set));
                }
            }

            if (_contexts is [var single])
            {
                step.Kernel.Run(single);
            }
            else
            {
                step.Kernel.RunSets(_contexts);
            }
        }
        catch (OverflowException exception)
        {
            throw new UnsupportedOperatorException($"{step.OperatorType} '{step.NodeName}': tensors of these shapes ({step.DescribeShapes()}) are too large for this kernel ({step.Kernel.Name}).", exception);
        }
        finally
        {
            for (int i = 0; i < acquired; i++)
            {
                if (step.InputWeights[i] >= 0)
                {
                    weights.Release(FirstWeight + step.InputWeights[i]);
                }
            }
        }
    }

    private void SetInput(Step step, int index)
    {
        PlanTensor tensor = step.Inputs[index];
        int weight = step.InputWeights[index];
        byte* acquired = weight >= 0 && step.InputParts[index] < 0 ? weights.Acquire(FirstWeight + weight) + tensor.Offset : null;
        foreach (StepSet set in _sets)
        {
            if (step.InputParts[index] is >= 0 and int part)
            {
                set.Context.SetInputPart(index, FirstPart + part, tensor.Offset);
            }
            else
            {
                set.Context.SetInput(index, acquired is null ? Address(tensor, set) : acquired);
            }
        }
    }
}
