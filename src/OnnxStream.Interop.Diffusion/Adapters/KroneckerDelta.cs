namespace OnnxStream.Interop.Diffusion.Adapters;

/// <summary>A small matrix each of whose numbers stands for a block, which is a second matrix times that number: LoKr (Yeh et al. 2023, https://arxiv.org/abs/2309.14859).</summary>
/// <param name="blocks">[rows, columns] of blocks.</param>
/// <param name="blockRows">The rows of blocks.</param>
/// <param name="blockColumns">The columns of blocks.</param>
/// <param name="inner">The second matrix, [rows, columns, kernel].</param>
/// <param name="innerRows">Its rows.</param>
/// <param name="innerColumns">Its columns.</param>
/// <param name="kernel">The numbers of each: the size of a convolution's kernel, or 1.</param>
internal sealed class KroneckerDelta(float[] blocks, int blockRows, int blockColumns, float[] inner, int innerRows, int innerColumns, int kernel) : WeightDelta
{
    /// <inheritdoc/>
    public override int Rows => blockRows * innerRows;

    /// <inheritdoc/>
    public override int Columns => blockColumns * innerColumns * kernel;

    /// <inheritdoc/>
    public override void Add(float scale, int row, int column, Span<float> destination)
    {
        int blockRow = row / innerRows, width = innerColumns * kernel;
        ReadOnlySpan<float> innerRow = inner.AsSpan(row % innerRows * width, width);
        for (int i = 0; i < destination.Length; i++)
        {
            int at = column + i;
            destination[i] += scale * blocks[(blockRow * blockColumns) + (at / width)] * innerRow[at % width];
        }
    }
}
