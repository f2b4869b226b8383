using OnnxStream.Interop.Graphs;

namespace OnnxStream.Interop.Quantization;

/// <summary>A node with a weight that may have fewer bits.</summary>
/// <param name="Node">The node.</param>
/// <param name="Weight">Its weight: single precision, in a file.</param>
/// <param name="WeightInput">The input that the weight is.</param>
/// <param name="Axis">The axis of the weight along which output channels lie.</param>
internal sealed record WeightedLayer(Node Node, Value Weight, int WeightInput, int Axis)
{
    /// <summary>Whether products of 8-bit integers compute the layer.</summary>
    public bool TakesData8 => Node.OperatorType switch
    {
        "Conv" => true,
        "MatMul" => Weight.Constant!.Type.Shape.Rank == 2,
        "Gemm" => IsPlainProduct,
        _ => false,
    } && Node.Inputs[0] is { Constant: null };

    /// <summary>Whether the weight is a matrix that is multiplied and nothing else, so that blocks of 4 bits compute the layer.</summary>
    public bool TakesBlocks => Node.Inputs[0] is { Constant: null } && Weight.Constant!.Type.Shape.Rank == 2 && (Node.OperatorType == "MatMul" || (Node.OperatorType == "Gemm" && IsPlainProduct));

    private bool IsPlainProduct => Node.Attributes.Float("alpha", 1) == 1 && Node.Attributes.Float("beta", 1) == 1 && Node.Attributes.Int("transA", 0) == 0;

    /// <summary>The layers of a graph, and of the graphs inside of it.</summary>
    /// <param name="graph">The graph of a model.</param>
    /// <param name="embeddings">Whether tables of which rows are taken count as weights.</param>
    public static IEnumerable<WeightedLayer> Find(Graph graph, bool embeddings) =>
        graph.AllNodes().Select(node => Of(node, embeddings)).OfType<WeightedLayer>();

    private static WeightedLayer? Of(Node node, bool embeddings)
    {
        if (node.Domain.Length > 0)
        {
            return null;
        }

        int input = node.OperatorType == "Gather" ? 0 : 1;
        if (node.Inputs.Length <= input || node.Inputs[input] is not { IsOptionalInput: false, Constant: { Location: not null, Quantization: null, Type: { ElementType: ElementType.Float32, Shape: { Rank: > 1 } shape } } } weight)
        {
            return null;
        }

        int? axis = node.OperatorType switch
        {
            "Conv" => 0,
            "ConvTranspose" => 1,
            "MatMul" => shape.Rank - 1,
            "Gemm" when shape.Rank == 2 => node.Attributes.Int("transB", 0) == 0 ? 1 : 0,
            "Gather" when embeddings && shape.Rank == 2 && node.Attributes.Int("axis", 0) == 0 => 0,
            _ => null,
        };
        return axis is { } known ? new WeightedLayer(node, weight, input, known) : null;
    }
}
