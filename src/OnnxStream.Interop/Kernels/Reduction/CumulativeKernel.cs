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
            // Vectors are read before they are written: both may be the same memory.
            int done = typeof(T) == typeof(TCompute) ? TakeSame((TCompute*)input, all, (TCompute*)output, lanes)
                : typeof(T) == typeof(float) && typeof(TCompute) == typeof(double) ? TakeSingles((float*)input, (double*)all, (float*)output, lanes) : 0;
            if (done == lanes)
            {
                continue;
            }

            TCompute* rest = all + done;
            TensorPrimitives.ConvertTruncating(new ReadOnlySpan<T>(input + done, lanes - done), new Span<TCompute>(next, lanes - done));
            if (isExclusive)
            {
                TensorPrimitives.ConvertTruncating(new ReadOnlySpan<TCompute>(rest, lanes - done), new Span<T>(output + done, lanes - done));
            }

            BinaryLoops.Run<TCompute, TCompute, TFunction>(rest, 1, next, 1, rest, lanes - done);
            if (!isExclusive)
            {
                TensorPrimitives.ConvertTruncating(new ReadOnlySpan<TCompute>(rest, lanes - done), new Span<T>(output + done, lanes - done));
            }
        }
    }

    // Takes a row into what all before it give; returns how many lanes are done: whole vectors.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private int TakeSame(TCompute* input, TCompute* all, TCompute* output, int lanes)
    {
        int i = 0;
        if (!Vector<TCompute>.IsSupported || !TFunction.IsVectorized)
        {
            return i;
        }

        for (; i <= lanes - Vector<TCompute>.Count; i += Vector<TCompute>.Count)
        {
            Vector<TCompute> before = Vector.Load(all + i);
            Vector<TCompute> after = TFunction.Invoke(before, Vector.Load(input + i));
            after.Store(all + i);
            (isExclusive ? before : after).Store(output + i);
        }

        return i;
    }

    // The same for single precision, computed in double.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private int TakeSingles(float* input, double* all, float* output, int lanes)
    {
        int i = 0;
        if (!TFunction.IsVectorized)
        {
            return i;
        }

        int width = Vector<double>.Count;
        for (; i <= lanes - 2 * width; i += 2 * width)
        {
            Vector.Widen(Vector.Load(input + i), out Vector<double> lowInput, out Vector<double> highInput);
            Vector<double> low = Vector.Load(all + i);
            Vector<double> high = Vector.Load(all + i + width);
            Vector<double> lowAfter = Vector.As<TCompute, double>(TFunction.Invoke(Vector.As<double, TCompute>(low), Vector.As<double, TCompute>(lowInput)));
            Vector<double> highAfter = Vector.As<TCompute, double>(TFunction.Invoke(Vector.As<double, TCompute>(high), Vector.As<double, TCompute>(highInput)));
            lowAfter.Store(all + i);
            highAfter.Store(all + i + width);
            Vector.Narrow(isExclusive ? low : lowAfter, isExclusive ? high : highAfter).Store(output + i);
        }

        return i;
    }
}
