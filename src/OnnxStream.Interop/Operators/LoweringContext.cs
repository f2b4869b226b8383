using OnnxStream.Interop.Graphs;
using OnnxStream.Interop.Kernels;
using OnnxStream.Interop.Native;
using OnnxStream.Interop.Panels;
using OnnxStream.Interop.Steps;
using OnnxStream.Interop.Tensors;

namespace OnnxStream.Interop.Operators;

/// <summary>What <see cref="Operator.Lower"/> uses to turn a node into steps.</summary>
internal sealed class LoweringContext(Node node, PlanBuilder plan) : NodeContext(node)
{
    private static readonly PanelSources s_unstored = new();

    /// <summary>The threads that the plan will run on.</summary>
    public WorkerPool Workers => plan.Workers;

    /// <summary>Whether weights are to be packed ahead of time, so that kernels may be chosen that need it.</summary>
    public bool UsesStore => plan.Panels.UsesStore;

    /// <summary>A weight that will be used in panels. The parameters are those of <see cref="PanelWeights"/>.</summary>
    /// <remarks>Weights of 4 bits and less are packed from their file in each run: in a store, they would take several times the bytes that are read then.</remarks>
    public PanelWeights Panels(Constant? constant, PanelLayout layout, long outputs, long inputs, long space = 1, Constant? bias = null, bool isGated = false, GivenIntegers? integers = null, int matrixOutputs = 0) =>
        new(constant, layout, checked((int)outputs), checked((int)inputs), checked((int)space)) { Bias = bias, IsGated = isGated, Integers = integers, MatrixOutputs = matrixOutputs, ReadsParts = constant?.Location is { } location && plan.Traits.ReadsParts(location.Source), Sources = constant is { IsPacked: true } or { Encoding: not null } ? s_unstored : plan.Panels };

    /// <summary>Input <paramref name="index"/> in the order of its shape: a weight may be stored in another type, which the kernel converts.</summary>
    public PlanTensor StoredInput(int index) =>
        ConstantInput(index)?.IsChannelsLast == true ? Input(index) :
        HasInput(index) ? plan.Tensor(Node.Inputs[index]!) :
        throw Invalid($"input {index} is missing");

    /// <summary>Input <paramref name="index"/>. A weight that is stored in another type or order is converted first.</summary>
    public PlanTensor Input(int index)
    {
        PlanTensor tensor = HasInput(index) ? plan.Tensor(Node.Inputs[index]!) : throw Invalid($"input {index} is missing");
        Constant? constant = tensor.Buffer.Constant;
        if (constant is { IsConverted: true })
        {
            PlanTensor converted = Temporary(constant.Type);
            Emit(constant.StoredType == constant.Type.ElementType ? new UnpackWeightKernel(constant) : new ConvertWeightKernel(constant), [tensor], [converted]);
            tensor = converted;
        }

        if (constant?.IsChannelsLast == true)
        {
            PlanTensor ordered = Temporary(tensor.Type);
            Emit(StridedCopy.FromChannelsLast(tensor.ElementType.SizeOf(), tensor.Shape), [tensor], [ordered]);
            tensor = ordered;
        }

        return tensor;
    }

    /// <summary>Input <paramref name="index"/>, or null if it is left out.</summary>
    public PlanTensor? OptionalInput(int index) => HasInput(index) ? Input(index) : null;

    /// <summary>Output <paramref name="index"/>, which is asked for.</summary>
    public PlanTensor Output(int index) =>
        HasOutput(index) ? plan.Tensor(Node.Outputs[index]!) : throw Invalid($"output {index} is not asked for");

    /// <summary>Whether an input lies where the first output wants it already.</summary>
    public bool IsInPlace(int input) => plan.Places.TryGetValue(Node.Inputs[input]!, out ValuePlace place) && ReferenceEquals(place.Whole, Node.Outputs[0]) && plan.IsInPlace(Node.Inputs[input]!);

    /// <summary>Memory for a tensor that only this node needs.</summary>
    public PlanTensor Temporary(TensorType type) => plan.Temporary(type);

    /// <summary>Memory for a tensor that only this node needs.</summary>
    public PlanTensor Temporary(ElementType elementType, params ReadOnlySpan<long> dimensions) =>
        plan.Temporary(new TensorType(elementType, new Shape(dimensions)));

    /// <inheritdoc cref="PlanBuilder.CreateTiles"/>
    public Kernel CreateTiles(Graph body, int tiles) => plan.CreateTiles(body, tiles);

    /// <summary>Adds a step.</summary>
    public void Emit(Kernel kernel, ReadOnlySpan<PlanTensor> inputs, ReadOnlySpan<PlanTensor> outputs) =>
        plan.Add(new Step(Node.Name.Length > 0 ? Node.Name : Node.Outputs.FirstOrDefault(output => output is not null)?.Name ?? "", Node.OperatorType, kernel, inputs.ToArray(), outputs.ToArray()));

    /// <summary>Makes output <paramref name="index"/> a part of the memory of <paramref name="source"/>, under its own shape.</summary>
    /// <param name="index">The output.</param>
    /// <param name="source">The tensor.</param>
    /// <param name="offset">The first byte, from the start of that tensor.</param>
    public void View(int index, PlanTensor source, long offset = 0)
    {
        if (HasOutput(index))
        {
            plan.View(Node.Outputs[index]!, source, offset);
        }
    }
}
