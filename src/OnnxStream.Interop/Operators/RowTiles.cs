using OnnxStream.Interop.Graphs;

namespace OnnxStream.Interop.Operators;

/// <summary>Internal: a graph (<c>body</c>) that treats each row of its inputs alike, computed in <c>tiles</c> of rows. Made by a pass.</summary>
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
        TensorType result = Body(context).Outputs[0].Type!.Value;
        context.SetOutput(0, result.ElementType, input.With(input.Rank - 1, result.Shape[^1]));
    }

    /// <inheritdoc/>
    public override void Lower(LoweringContext context) =>
        context.Emit(context.CreateTiles(Body(context), (int)context.Attributes.Int("tiles", 1)), [.. Enumerable.Range(0, context.InputCount).Select(context.Input)], [context.Output(0)]);

    private static Graph Body(NodeContext context) => context.Attributes.Graph("body") ?? throw context.Invalid("attribute 'body' is missing");
}
