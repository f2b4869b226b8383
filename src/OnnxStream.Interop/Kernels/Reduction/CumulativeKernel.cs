using System.Numerics;
using System.Numerics.Tensors;
using System.Runtime.CompilerServices;

namespace OnnxStream.Interop.Kernels;

/// <summary>What all elements so far along a dimension give together, such as running sums.</summary>
/// <param name="outer">The number of elements in front of the dimension.</param>
/// <param name="length">The length of the dimension.</param>
/// <param name="inner">The number of elements behind it.</param>
/// <param name="empty">What no elements give.</param>
/// <param name="isExclusive">Whether an element's result leaves the element itself out.</param>
/// <param name="isReversed">Whether it runs from the end to the start.</param>
internal sealed unsafe class CumulativeKernel<T, TCompute, TFunction>(long outer, long length, long inner, TCompute empty, bool isExclusive, bool isReversed) : RowKernel(outer * inner, inner == 1 ? length * sizeof(T) : Math.Max(1, length * sizeof(T) / NarrowLines), inner == 1 ? sizeof(float) : 1)
    where T : unmanaged, INumber<T>
    where TCompute : unmanaged, INumber<TCompute>
    where TFunction : IBinaryFunction<TCompute, TCompute>
{
    private const int MostLanes = 256;

    // So many lines are one piece at least, where they lie side by side.
    private const int NarrowLines = 16;

    /// <inheritdoc/>
    public override string Name => "cumulative";

    /// <inheritdoc/>
    public override bool CanRunInPlace(int input) => input == 0;

    /// <inheritdoc/>
    protected override void ComputeRows(KernelContext context, long first, long end)
    {
        for (long row = first; row < end;)
        {
            // Lines side by side go on together.
            int lanes = (int)Math.Min(MostLanes, Math.Min(end - row, inner - row % inner));
            long start = row / inner * length * inner + row % inner + (isReversed ? (length - 1) * inner : 0);
            T* input = (T*)context.Input(0) + start;
            T* output = (T*)context.Output(0) + start;
            if (lanes == 1)
            {
                RunLine(input, output);
            }
            else
            {
                RunLines(input, output, lanes);
            }

            row += lanes;
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void RunLine(T* input, T* output)
    {
        long step = isReversed ? -inner : inner;
        TCompute all = empty;
        for (long i = 0; i < length; i++, input += step, output += step)
        {
            TCompute before = all;
            all = TFunction.Invoke(all, TCompute.CreateTruncating(*input));
            *output = T.CreateTruncating(isExclusive ? before : all);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void RunLines(T* input, T* output, int lanes)
    {
        long step = isReversed ? -inner : inner;
        TCompute* all = stackalloc TCompute[MostLanes];
        TCompute* next = stackalloc TCompute[MostLanes];
        new Span<TCompute>(all, lanes).Fill(empty);
        for (long i = 0; i < length; i++, input += step, output += step)
        {
            // Read before anything is written: both may be the same memory.
            TensorPrimitives.ConvertTruncating(new ReadOnlySpan<T>(input, lanes), new Span<TCompute>(next, lanes));
            if (isExclusive)
            {
                TensorPrimitives.ConvertTruncating(new ReadOnlySpan<TCompute>(all, lanes), new Span<T>(output, lanes));
            }

            BinaryLoops.Run<TCompute, TCompute, TFunction>(all, 1, next, 1, all, lanes);
            if (!isExclusive)
            {
                TensorPrimitives.ConvertTruncating(new ReadOnlySpan<TCompute>(all, lanes), new Span<T>(output, lanes));
            }
        }
    }
}
