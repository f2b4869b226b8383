namespace OnnxStream.Interop.Quantization;

/// <summary>Where the numbers of output channels lie in a weight: [outer, channels, inner].</summary>
/// <param name="Outer">How many times all channels follow one another.</param>
/// <param name="Channels">The output channels.</param>
/// <param name="Inner">The numbers of a channel that lie beside each other.</param>
internal readonly record struct WeightLayout(long Outer, long Channels, long Inner)
{
    /// <summary>The numbers of a channel.</summary>
    public long PerChannel => Outer * Inner;

    /// <summary>The layout of a weight whose output channels are along an axis.</summary>
    /// <param name="shape">Its shape.</param>
    /// <param name="axis">The axis, from 0.</param>
    public static WeightLayout Of(Shape shape, int axis) => new(shape.Product(0, axis), shape[axis], shape.Product(axis + 1, shape.Rank));
}
