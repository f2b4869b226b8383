using System.Numerics.Tensors;

namespace OnnxStream.Interop.Diffusion.Adapters;

/// <summary>A whole matrix.</summary>
/// <param name="numbers">[rows, columns].</param>
/// <param name="rows">The number of rows.</param>
internal sealed class FullDelta(float[] numbers, int rows) : WeightDelta
{
    /// <inheritdoc/>
    public override int Rows => rows;

    /// <inheritdoc/>
    public override int Columns => numbers.Length / rows;

    /// <inheritdoc/>
    public override void Add(float scale, int row, int column, Span<float> destination) =>
        TensorPrimitives.MultiplyAdd(numbers.AsSpan((row * Columns) + column, destination.Length), scale, destination, destination);
}
