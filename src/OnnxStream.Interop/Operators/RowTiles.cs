using OnnxStream.Interop.Graphs;
using OnnxStream.Interop.Tensors;

namespace OnnxStream.Interop.Operators;

/// <summary>Internal: a graph that treats each row of its inputs alike, computed in tiles of rows (<see cref="RowTilesFusion"/>). Made by a pass.</summary>
/// <remarks>All inputs have the same dimensions but the last. The inputs of the body are [rows of a tile, last dimension].</remarks>
internal sealed class RowTiles : Operator
{
    /// <summary>The operator type.</summary>
    public const string Name = "RowTiles";

    /// <inheritdoc/>
    public override bool CanReadStored(Node node, int input, RowFormat format) => node.Inputs[input]!.Type!.Value.Shape.Rank > 0;

    /// <inheritdoc/>
    public override bool CanWriteStored(Node node, RowFormat format) => node.Outputs[0]!.Type!.Value.Shape.Rank > 0;

    /// <inheritdoc/>
    public override void Infer(InferenceContext context)
    {
        Shape input = context.InputShape(0);
        TensorType result = context.Fusion<RowTilesFusion>().Body.Outputs[0].Type!.Value;
        context.SetOutput(0, result.ElementType, input.With(input.Rank - 1, result.Shape[^1]));
    }

    /// <inheritdoc/>
    public override void Lower(LoweringContext context)
    {
        (Graph body, long tiles) = context.Fusion<RowTilesFusion>();
        context.Emit(context.CreateTiles(body, (int)tiles), [.. Enumerable.Range(0, context.InputCount).Select(context.Input)], [context.Output(0)]);
    }
}
