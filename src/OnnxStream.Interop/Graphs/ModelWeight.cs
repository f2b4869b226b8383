using OnnxStream.Interop.Weights;

namespace OnnxStream.Interop;

/// <summary>A tensor of a model that is the same in every run, and where its bytes lie.</summary>
/// <param name="Name">Its name in the model.</param>
/// <param name="ElementType">The type of its elements where they lie.</param>
/// <param name="Shape">Its shape.</param>
/// <param name="Location">The bytes of its elements, in the order of the shape.</param>
/// <param name="Uses">The nodes that read it.</param>
public sealed record ModelWeight(string Name, ElementType ElementType, Shape Shape, WeightRange Location, IReadOnlyList<WeightUse> Uses)
{
    /// <summary>Whether a weight of the shape [N, C, space…] lies as [N, space…, C], as the convolutions of OnnxStream's folders do.</summary>
    public bool IsChannelsLast { get; init; }

    /// <summary>The type that computations see; another one than <see cref="ElementType"/> where elements are widened when they are read.</summary>
    public ElementType ComputedType { get; init; }
}
