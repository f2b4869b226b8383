namespace OnnxStream.Interop;

/// <summary>What a model declares about one of its inputs or outputs.</summary>
/// <param name="Name">The name, as it stands in the model.</param>
/// <param name="ElementType">The type of the elements.</param>
/// <param name="Dimensions">The dimensions, outermost first; null where the model does not even declare how many.</param>
public sealed record ValueMetadata(string Name, ElementType ElementType, IReadOnlyList<Dimension>? Dimensions)
{
    /// <summary>As in <c>sample: float[1,4,height,width]</c>.</summary>
    public override string ToString() =>
        $"{Name}: {ElementType.ToOnnxName()}{(Dimensions is null ? "[…]" : $"[{string.Join(',', Dimensions)}]")}";
}
