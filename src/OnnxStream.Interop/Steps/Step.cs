using OnnxStream.Interop.Kernels;
using OnnxStream.Interop.Tensors;

namespace OnnxStream.Interop.Steps;

/// <summary>One call of a kernel on fixed tensors.</summary>
internal sealed class Step(string nodeName, string operatorType, Kernel kernel, PlanTensor[] inputs, PlanTensor[] outputs)
{
    /// <summary>The node that the step computes, or a part of.</summary>
    public string NodeName { get; } = nodeName;

    /// <summary>The operator of that node.</summary>
    public string OperatorType { get; } = operatorType;

    /// <summary>What computes.</summary>
    public Kernel Kernel { get; } = kernel;

    /// <summary>What its kernel is told.</summary>
    public KernelCall Call { get; } = new(nodeName, operatorType, Array.ConvertAll(inputs, input => input.Type), Array.ConvertAll(outputs, output => output.Type));

    /// <summary>What it reads.</summary>
    public PlanTensor[] Inputs { get; } = inputs;

    /// <summary>What it writes.</summary>
    public PlanTensor[] Outputs { get; } = outputs;

    /// <summary>Memory that only this step uses; null for none.</summary>
    public PlanBuffer? Scratch { get; set; }

    /// <summary>Where the weights that this step uses start in the plan's schedule.</summary>
    public int FirstWeight { get; set; }

    /// <summary>For each input, its index in the schedule if the executor brings it in before the step, else -1.</summary>
    public int[] InputWeights { get; set; } = [];

    /// <summary>Where the weights of which this step's kernel reads parts start in the plan's list.</summary>
    public int FirstPart { get; set; }

    /// <summary>For each input, its index in the plan's list if it is a weight that the kernel takes parts of, else -1.</summary>
    public int[] InputParts { get; set; } = [];

    /// <summary>The shapes that the step reads and writes, as in <c>[1,64,64,320] -> [1,64,64,640]:f16</c>; what is not stored in single precision is marked.</summary>
    public string DescribeShapes() => $"{string.Join(" ", Inputs.Select(Describe))} -> {string.Join(" ", Outputs.Select(Describe))}";

    private static string Describe(PlanTensor tensor) => $"{tensor.Shape}{RowFormat.Of(tensor.ElementType).Mark}";
}
