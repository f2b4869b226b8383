using System.Numerics;
using System.Runtime.CompilerServices;

namespace OnnxStream.Interop.Kernels;

/// <summary>What all elements so far along a dimension give together, such as running sums.</summary>
/// <param name="outer">The number of elements in front of the dimension.</param>
/// <param name="length">The length of the dimension.</param>
/// <param name="inner">The number of elements behind it.</param>
/// <param name="empty">What no elements give.</param>
/// <param name="isExclusive">Whether an element's result leaves the element itself out.</param>
/// <param name="isReversed">Whether it runs from the end to the start.</param>
internal sealed unsafe class CumulativeKernel<T, TCompute, TFunction>(long outer, long length, long inner, TCompute empty, bool isExclusive, bool isReversed) : RowKernel(outer * inner, length * sizeof(T))
    where T : unmanaged, INumber<T>
    where TCompute : unmanaged, INumber<TCompute>
    where TFunction : IBinaryFunction<TCompute, TCompute>
{
    /// <inheritdoc/>
    public override string Name => "cumulative";

    /// <inheritdoc/>
    public override bool CanRunInPlace(int input) => input == 0;

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    protected override void ComputeRows(KernelContext context, long first, long end)
    {
        for (long row = first; row < end; row++)
        {
            long start = row / inner * length * inner + row % inner;
            long step = isReversed ? -inner : inner;
            start += isReversed ? (length - 1) * inner : 0;
            T* input = (T*)context.Input(0) + start;
            T* output = (T*)context.Output(0) + start;
            TCompute all = empty;
            for (long i = 0; i < length; i++, input += step, output += step)
            {
                TCompute before = all;
                all = TFunction.Invoke(all, TCompute.CreateTruncating(*input));
                *output = T.CreateTruncating(isExclusive ? before : all);
            }
        }
    }
}
