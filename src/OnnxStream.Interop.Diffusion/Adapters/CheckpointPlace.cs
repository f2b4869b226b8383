namespace OnnxStream.Interop.Diffusion.Adapters;

/// <summary>A weight of a model that one of a checkpoint may take the place of.</summary>
/// <param name="Weight">The weight.</param>
/// <param name="IsTransposed">Whether it lies as [inputs, outputs], and that of the checkpoint as [outputs, inputs].</param>
/// <param name="IsTableOrMatrix">Whether the number of rows must be the same, too.</param>
internal sealed record CheckpointPlace(ModelWeight Weight, bool IsTransposed, bool IsTableOrMatrix)
{
    /// <summary>The number of rows as the checkpoint has them.</summary>
    public long Rows => Weight.Shape[IsTransposed ? 1 : 0];
}
