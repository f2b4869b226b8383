using System.Numerics;

namespace OnnxStream.Interop.Kernels;

/// <summary>Running sums along a dimension.</summary>
/// <param name="outer">The number of elements in front of the dimension.</param>
/// <param name="length">The length of the dimension.</param>
/// <param name="inner">The number of elements behind it.</param>
/// <param name="isExclusive">Whether an element's sum leaves the element itself out.</param>
/// <param name="isReversed">Whether sums run from the end to the start.</param>
internal sealed unsafe class CumulativeSumKernel<T, TCompute>(long outer, long length, long inner, bool isExclusive, bool isReversed) : RowKernel(outer * inner, length * sizeof(T))
    where T : unmanaged, INumber<T>
    where TCompute : unmanaged, INumber<TCompute>
{
    /// <inheritdoc/>
    public override string Name => "cumulative sum";

    /// <inheritdoc/>
    public override bool CanRunInPlace(int input) => input == 0;

    /// <inheritdoc/>
    protected override void ComputeRows(KernelContext context, long first, long end)
    {
        for (long row = first; row < end; row++)
        {
            long start = row / inner * length * inner + row % inner;
            long step = isReversed ? -inner : inner;
            start += isReversed ? (length - 1) * inner : 0;
            T* input = (T*)context.Input(0) + start;
            T* output = (T*)context.Output(0) + start;
            TCompute sum = TCompute.Zero;
            for (long i = 0; i < length; i++, input += step, output += step)
            {
                TCompute before = sum;
                sum += TCompute.CreateTruncating(*input);
                *output = T.CreateTruncating(isExclusive ? before : sum);
            }
        }
    }
}
