namespace OnnxStream.Interop.Kernels;

/// <summary>Softmax or its logarithm of single-precision numbers along a dimension.</summary>
/// <param name="outer">The number of elements in front of the dimension.</param>
/// <param name="length">The length of the dimension, at least 1.</param>
/// <param name="inner">The number of elements behind it: 1, or a multiple of <see cref="Lanes"/>.</param>
/// <param name="isLogarithm">Whether logarithms are wanted.</param>
internal sealed unsafe class VectorSoftmaxKernel(long outer, long length, long inner, bool isLogarithm)
    : RowKernel(outer * Blocks(inner), length * (inner == 1 ? 1 : Math.Min(inner, SoftmaxLoops.MostColumns)) * sizeof(float), BytesPerOperation)
{
    /// <summary>The number of elements behind the dimension is 1, or a multiple of this.</summary>
    public const int Lanes = 16;

    // An exponential takes a few times as long as an addition, and vectors have several.
    private const long BytesPerOperation = 4;

    /// <inheritdoc/>
    public override string Name => "softmax";

    /// <inheritdoc/>
    public override bool CanRunInPlace(int input) => true;

    /// <inheritdoc/>
    protected override void ComputeRows(KernelContext context, long first, long end)
    {
        float* input = (float*)context.Input(0);
        float* output = (float*)context.Output(0);
        if (inner == 1)
        {
            SoftmaxLoops.Rows(input + first * length, output + first * length, end - first, length, isLogarithm);
            return;
        }

        for (long row = first; row < end; row++)
        {
            (long group, long block) = Math.DivRem(row, Blocks(inner));
            long start = group * length * inner + block * SoftmaxLoops.MostColumns;
            int columns = (int)Math.Min(SoftmaxLoops.MostColumns, inner - block * SoftmaxLoops.MostColumns);
            SoftmaxLoops.Columns(input + start, output + start, length, inner, columns, isLogarithm);
        }
    }

    private static long Blocks(long inner) => (inner + SoftmaxLoops.MostColumns - 1) / SoftmaxLoops.MostColumns;
}
