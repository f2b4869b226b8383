using System.Numerics.Tensors;

namespace OnnxStream.Interop.Diffusion.Adapters;

/// <summary>Two low-rank matrices, multiplied number by number: LoHa (Hyeon-Woo et al. 2021, https://arxiv.org/abs/2108.06098).</summary>
/// <param name="first">One matrix.</param>
/// <param name="second">The other one, of the same size.</param>
internal sealed class HadamardDelta(LowRankDelta first, LowRankDelta second) : WeightDelta
{
    /// <inheritdoc/>
    public override int Rows => first.Rows;

    /// <inheritdoc/>
    public override int Columns => first.Columns;

    /// <inheritdoc/>
    public override void Add(float scale, int row, int column, Span<float> destination)
    {
        float[] a = new float[destination.Length], b = new float[destination.Length];
        first.Add(scale, row, column, a);
        second.Add(1, row, column, b);
        TensorPrimitives.MultiplyAdd(a, b, destination, destination);
    }
}
