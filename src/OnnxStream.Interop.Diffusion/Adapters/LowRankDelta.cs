using System.Numerics.Tensors;

namespace OnnxStream.Interop.Diffusion.Adapters;

/// <summary>The product of two thin matrices: LoRA (Hu et al. 2021, https://arxiv.org/abs/2106.09685).</summary>
/// <param name="up">[rows, rank].</param>
/// <param name="down">[rank, columns].</param>
/// <param name="rows">The number of rows.</param>
/// <param name="columns">The number of columns.</param>
internal sealed class LowRankDelta(float[] up, float[] down, int rows, int columns) : WeightDelta
{
    private readonly int _rank = up.Length / rows;

    /// <inheritdoc/>
    public override int Rows => rows;

    /// <inheritdoc/>
    public override int Columns => columns;

    /// <inheritdoc/>
    public override void Add(float scale, int row, int column, Span<float> destination)
    {
        for (int rank = 0; rank < _rank; rank++)
        {
            TensorPrimitives.MultiplyAdd(down.AsSpan((rank * columns) + column, destination.Length), scale * up[(row * _rank) + rank], destination, destination);
        }
    }
}
