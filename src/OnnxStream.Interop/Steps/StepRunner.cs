using OnnxStream.Interop.Kernels;
using OnnxStream.Interop.Weights;

namespace OnnxStream.Interop.Steps;

/// <summary>Runs steps of a plan in memory that somebody else owns.</summary>
internal sealed unsafe class StepRunner(KernelContext context, WeightStream weights)
{
    /// <summary>The first byte of the arena.</summary>
    public byte* Arena { get; set; }

    /// <summary>The first byte of the constants.</summary>
    public byte* Constants { get; set; }

    /// <summary>The first bytes of the buffers that are memory of a caller (<see cref="PlanBuffer.ExternalIndex"/>); none in a plan inside of a step.</summary>
    public nint[] External { get; init; } = [];

    /// <summary>Where the plan's weights start in the stream's schedule.</summary>
    public int FirstWeight { get; set; }

    /// <summary>Where the plan's partly read weights start in the stream's list.</summary>
    public int FirstPart { get; set; }

    /// <summary>What kernels see.</summary>
    public KernelContext Context => context;

    /// <summary>The first byte of a tensor. Weights have no address of their own; whoever needs one has acquired it.</summary>
    public byte* Address(PlanTensor tensor) =>
        tensor.Buffer.IsExternal ? (byte*)External[tensor.Buffer.ExternalIndex] + tensor.Offset :
        tensor.Buffer.Constant is null ? Arena + tensor.Buffer.Offset + tensor.Offset :
        tensor.Buffer.Constant.Data is not null ? Constants + tensor.Buffer.Offset + tensor.Offset : null;

    /// <summary>Brings in the weights that the step reads, runs it, and gives them back.</summary>
    public void Run(Step step)
    {
        context.Begin(step.Call, step.Scratch is { } scratch ? Arena + scratch.Actual.Offset : null, FirstWeight + step.FirstWeight, FirstPart + step.FirstPart);
        int acquired = 0;
        try
        {
            for (; acquired < step.Inputs.Length; acquired++)
            {
                PlanTensor tensor = step.Inputs[acquired];
                int weight = step.InputWeights[acquired];
                if (step.InputParts[acquired] is >= 0 and int part)
                {
                    context.SetInputPart(acquired, FirstPart + part, tensor.Offset);
                }
                else
                {
                    context.SetInput(acquired, weight >= 0 ? weights.Acquire(FirstWeight + weight) + tensor.Offset : Address(tensor));
                }
            }

            for (int i = 0; i < step.Outputs.Length; i++)
            {
                context.SetOutput(i, Address(step.Outputs[i]));
            }

            step.Kernel.Run(context);
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
}
