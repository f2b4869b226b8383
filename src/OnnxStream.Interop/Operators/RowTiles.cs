using OnnxStream.Interop.Graphs;

namespace OnnxStream.Interop.Operators;

/// <summary>Internal: a graph that treats each row of its inputs alike, computed in tiles of rows (<see cref="RowTilesFusion"/>). Made by a pass.</summary>
/// <remarks>All inputs have the same dimensions but the last. The inputs of the body are [rows of a tile, last dimension].</remarks>
internal sealed class RowTiles : Operator
{
    /// <summary>The operator type.</summary>
    public const string Name = "RowTiles";

    /// <inheritdoc/>
    public override bool CanReadHalf(Node node, int input) => true;

    /// <inheritdoc/>
    public override bool CanWriteHalf(Node node) => true;

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
