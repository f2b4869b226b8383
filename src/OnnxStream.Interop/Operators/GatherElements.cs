using OnnxStream.Interop.Graphs;
using OnnxStream.Interop.Kernels;
using OnnxStream.Interop.Steps;

namespace OnnxStream.Interop.Operators;

/// <summary>Takes each element by its index along an axis. https://onnx.ai/onnx/operators/onnx__GatherElements.html (opset 13 only added types).</summary>
internal sealed class GatherElements : Operator
{
    /// <inheritdoc/>
    public override bool TakesHalf(Node node) => true;

    /// <inheritdoc/>
    public override void Infer(InferenceContext context)
    {
        _ = Axis(context);
        context.SetOutput(0, context.InputElementType(0), context.InputShape(1));
    }

    /// <inheritdoc/>
    public override void Lower(LoweringContext context)
    {
        PlanTensor output = context.Output(0);
        if (output.ElementCount > 0)
        {
            context.Emit(
                SizedKernels.Create(output.ElementType, new Factory(context.InputShape(0), context.InputShape(1), Axis(context))),
                [context.Input(0), context.Input(1)], [output]);
        }
    }

    /// <summary>The axis of a node whose second input has indices for some of the places of the first one; checks both.</summary>
    public static int Axis(NodeContext context)
    {
        Shape data = context.InputShape(0);
        Shape indices = context.InputShape(1);
        context.CheckIndices(1);
        int axis = context.Axis(context.Attributes.Int("axis", 0), data.Rank);
        if (indices.Rank != data.Rank)
        {
            throw context.Invalid("data and indices must have the same number of dimensions");
        }

        for (int i = 0; i < data.Rank; i++)
        {
            if (i != axis && indices[i] > data[i])
            {
                throw context.Invalid($"dimension {i} of the indices is larger than that of the data");
            }
        }

        return axis;
    }

    private readonly struct Factory(Shape data, Shape indices, int axis) : ISizedKernelFactory
    {
        public Kernel Create<T>()
            where T : unmanaged => new GatherElementsKernel<T>(data, indices, axis);
    }
}
