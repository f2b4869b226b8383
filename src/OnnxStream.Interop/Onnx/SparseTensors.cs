using OnnxStream.Interop.Graphs;
using OnnxStream.Interop.Tensors;

namespace OnnxStream.Interop.Onnx;

/// <summary>Tensors of which a file holds only the elements that are not zero: those stay in the file, and nodes put them among zeros.</summary>
/// <remarks>
/// https://onnx.ai/onnx/repo-docs/IR.html. So a file of a few bytes cannot make a model of many: the whole tensor exists while a run needs
/// it, inside of the budget.
/// </remarks>
internal static class SparseTensors
{
    /// <summary>Adds the nodes that make a tensor.</summary>
    /// <param name="tensor">Its elements and their places: flat ones, or one index for each dimension.</param>
    /// <param name="result">The value that they make.</param>
    /// <param name="read">Reads a tensor.</param>
    /// <param name="nodes">Receives the nodes.</param>
    /// <returns>What is wrong with the tensor; null if nothing.</returns>
    /// <exception cref="ArgumentOutOfRangeException">A dimension is negative.</exception>
    /// <exception cref="OverflowException">The tensor would have more than 2^63 elements.</exception>
    public static string? Expand(SparseTensorProto tensor, Value result, Func<TensorProto, Constant> read, List<Node> nodes)
    {
        if (tensor.Values is null || tensor.Indices is null)
        {
            return "it has no values, or no indices";
        }

        if (tensor.Dims.Count > Shape.MaximumRank)
        {
            return $"it has {tensor.Dims.Count:N0} dimensions; at most {Shape.MaximumRank} are supported";
        }

        Shape shape = new([.. tensor.Dims]);
        Constant values = read(Named(tensor.Values, result.Name));
        Constant indices = read(Named(tensor.Indices, $"{result.Name}/indices"));
        (Shape elements, Shape places) = (values.Type.Shape, indices.Type.Shape);
        bool isFlat = places.Rank == 1;
        if (elements.Rank != 1 || indices.Type.ElementType != ElementType.Int64 || places.Rank is not (1 or 2) || places[0] != elements[0] || (!isFlat && places[1] != shape.Rank))
        {
            return $"its values are {values.Type} and its indices {indices.Type}; {shape} needs values [count] and indices int64[count] or int64[count,{shape.Rank}]";
        }

        _ = new TensorType(values.Type.ElementType, shape).ByteLength; // must not overflow
        isFlat |= shape.Rank == 0;
        if (isFlat && places.ElementCount != elements[0])
        {
            return $"its {elements[0]:N0} values have no places";
        }

        Constant zero = Constant.FromData(values.Type with { Shape = new Shape(1) }, new byte[values.Type.ElementType.SizeOf()]);
        Value zeros = new($"{result.Name}/zeros");
        Value all = new($"{result.Name}/all");
        Add(zeros, "ConstantOfShape", [Integers(isFlat ? [shape.ElementCount] : shape.ToArray())], "value", zero);
        Add(all, "ScatterND", [zeros, Of(isFlat ? indices.WithShape(new Shape(elements[0], 1)) : indices), Of(values)], "reduction", "none");
        Add(result, "Reshape", [all, Integers(shape.ToArray())], "allowzero", 1L);
        return null;

        void Add(Value output, string operatorType, Value[] inputs, string attribute, object value) =>
            nodes.Add(new Node(operatorType, "", OperatorSets.Newest, output.Name, inputs, [output], new Attributes(new Dictionary<string, object> { [attribute] = value })));
    }

    private static TensorProto Named(TensorProto tensor, string name)
    {
        if (tensor.Name.Length == 0)
        {
            tensor.Name = name;
        }

        return tensor;
    }

    private static Value Integers(params long[] elements) => Of(Constant.Of(new Shape(elements.Length), (ReadOnlySpan<long>)elements));

    private static Value Of(Constant constant) => new("") { Type = constant.Type, Constant = constant };
}
