using OnnxStream.Interop.Graphs;
using OnnxStream.Interop.Tensors;

namespace OnnxStream.Interop.Operators;

/// <summary>What <see cref="Operator.Infer"/> reads and sets.</summary>
internal sealed class InferenceContext(Node node) : NodeContext(node)
{
    /// <summary>Whether the shape of an output is only known after the node has run.</summary>
    public bool HasDynamicOutput { get; private set; }

    /// <summary>Sets the type of an output; one that nobody asks for is ignored.</summary>
    public void SetOutput(int index, ElementType elementType, Shape shape)
    {
        if (HasOutput(index))
        {
            if (shape.Rank > Shape.MaximumRank)
            {
                throw Unsupported($"a tensor with {shape.Rank:N0} dimensions");
            }

            TensorType type = new(elementType, shape);
            _ = type.ByteLength; // must not overflow
            Node.Outputs[index]!.Type = type;
        }
    }

    /// <summary>Sets an output that is the same in every run: the node need not be computed for it.</summary>
    public void SetConstantOutput(int index, Constant constant)
    {
        if (HasOutput(index))
        {
            SetOutput(index, constant.Type.ElementType, constant.Type.Shape);
            Node.Outputs[index]!.Constant = constant;
        }
    }

    /// <summary>Sets an output whose shape is only known after the node has run.</summary>
    /// <param name="index">The output.</param>
    /// <param name="elementType">The type of the elements.</param>
    /// <param name="bound">A shape with at least as many elements as the output can have.</param>
    public void SetDynamicOutput(int index, ElementType elementType, Shape bound)
    {
        SetOutput(index, elementType, bound);
        HasDynamicOutput = true;
    }
}
