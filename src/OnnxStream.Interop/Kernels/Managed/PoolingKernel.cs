using System.Numerics;
using System.Numerics.Tensors;

namespace OnnxStream.Interop.Kernels.Managed;

/// <summary>How the elements of a window become one.</summary>
internal interface IPoolingFunction<TCompute>
    where TCompute : unmanaged, INumber<TCompute>
{
    /// <summary>What a window starts with.</summary>
    TCompute Initial { get; }

    /// <summary>Takes an element of each of many windows in.</summary>
    void Accumulate(Span<TCompute> accumulators, ReadOnlySpan<TCompute> values);

    /// <summary>Takes an element in.</summary>
    TCompute Accumulate(TCompute accumulator, TCompute value);

    /// <summary>What a window of <paramref name="count"/> elements becomes.</summary>
    TCompute Result(TCompute accumulator, long count);
}

/// <summary>Pools windows over up to three spatial dimensions of [N, C, …], row by row.</summary>
internal sealed unsafe class PoolingKernel<T, TCompute, TFunction> : RowKernel
    where T : unmanaged, INumber<T>
    where TCompute : unmanaged, INumber<TCompute>
    where TFunction : struct, IPoolingFunction<TCompute>
{
    private const int Chunk = 512;

    private readonly PoolingGeometry _geometry;
    private readonly TFunction _function;
    private readonly long[][] _counts;

    /// <summary>Makes the kernel.</summary>
    /// <param name="geometry">The windows.</param>
    /// <param name="function">What to compute.</param>
    /// <param name="includePads">Whether elements in the padding count (as zeros).</param>
    public PoolingKernel(PoolingGeometry geometry, TFunction function, bool includePads)
        : base(geometry.OutputRows, geometry.Output[2] * geometry.Kernel[0] * geometry.Kernel[1] * geometry.Kernel[2] * sizeof(T))
    {
        _geometry = geometry;
        _function = function;
        _counts = [geometry.Counts(0, includePads), geometry.Counts(1, includePads), geometry.Counts(2, includePads)];
    }

    /// <inheritdoc/>
    public override string Name => typeof(TFunction).Name;

    /// <inheritdoc/>
    protected override void ComputeRows(KernelContext context, long first, long end)
    {
        Span<TCompute> accumulators = stackalloc TCompute[Chunk];
        Span<TCompute> buffer = stackalloc TCompute[typeof(T) == typeof(TCompute) ? 0 : Chunk];
        long width = _geometry.Output[2];
        for (long row = first; row < end; row++)
        {
            (long rest, long y) = Math.DivRem(row, _geometry.Output[1]);
            (long plane, long z) = Math.DivRem(rest, _geometry.Output[0]);
            T* input = (T*)context.Input(0) + plane * _geometry.InputPlane;
            T* output = (T*)context.Output(0) + row * width;
            long count = _counts[0][z] * _counts[1][y];
            for (long start = 0; start < width; start += Chunk)
            {
                int length = (int)Math.Min(Chunk, width - start);
                Span<TCompute> sums = accumulators[..length];
                sums.Fill(_function.Initial);
                AccumulateRow(input, z, y, start, sums, buffer);
                for (int i = 0; i < length; i++)
                {
                    output[start + i] = T.CreateTruncating(_function.Result(sums[i], count * _counts[2][start + i]));
                }
            }
        }
    }

    private void AccumulateRow(T* input, long z, long y, long start, Span<TCompute> sums, Span<TCompute> buffer)
    {
        for (long kz = 0; kz < _geometry.Kernel[0]; kz++)
        {
            long inputZ = _geometry.Position(0, z, kz);
            if (inputZ < 0 || inputZ >= _geometry.Input[0])
            {
                continue;
            }

            for (long ky = 0; ky < _geometry.Kernel[1]; ky++)
            {
                long inputY = _geometry.Position(1, y, ky);
                if (inputY < 0 || inputY >= _geometry.Input[1])
                {
                    continue;
                }

                T* source = input + (inputZ * _geometry.Input[1] + inputY) * _geometry.Input[2];
                for (long kx = 0; kx < _geometry.Kernel[2]; kx++)
                {
                    AccumulateElements(source, _geometry.Position(2, start, kx), sums, buffer);
                }
            }
        }
    }

    // Element kx of the windows of a row: strides apart, the first at "position".
    private void AccumulateElements(T* source, long position, Span<TCompute> sums, Span<TCompute> buffer)
    {
        long stride = _geometry.Strides[2];
        long width = _geometry.Input[2];
        int from = position >= 0 ? 0 : (int)Math.Min(sums.Length, (-position + stride - 1) / stride);
        int to = position >= width ? 0 : (int)Math.Min(sums.Length, (width - 1 - position) / stride + 1);
        if (from >= to)
        {
            return;
        }

        T* values = source + position + from * stride;
        if (stride == 1)
        {
            ReadOnlySpan<TCompute> wide;
            if (typeof(T) == typeof(TCompute))
            {
                wide = new ReadOnlySpan<TCompute>(values, to - from);
            }
            else
            {
                TensorPrimitives.ConvertTruncating(new ReadOnlySpan<T>(values, to - from), buffer);
                wide = buffer[..(to - from)];
            }

            _function.Accumulate(sums[from..to], wide);
            return;
        }

        for (int i = from; i < to; i++, values += stride)
        {
            sums[i] = _function.Accumulate(sums[i], TCompute.CreateTruncating(*values));
        }
    }
}

/// <summary>The largest element.</summary>
internal readonly struct MaximumPooling<T> : IPoolingFunction<T>
    where T : unmanaged, INumber<T>, IMinMaxValue<T>
{
    /// <inheritdoc/>
    public T Initial => MaximumReduction<T>.Initial;

    /// <inheritdoc/>
    public void Accumulate(Span<T> accumulators, ReadOnlySpan<T> values) => TensorPrimitives.Max(accumulators, values, accumulators);

    /// <inheritdoc/>
    public T Accumulate(T accumulator, T value) => value > accumulator ? value : accumulator;

    /// <inheritdoc/>
    public T Result(T accumulator, long count) => accumulator;
}

/// <summary>The mean; 0 of no elements.</summary>
internal readonly struct AveragePooling<T> : IPoolingFunction<T>
    where T : unmanaged, INumber<T>
{
    /// <inheritdoc/>
    public T Initial => T.Zero;

    /// <inheritdoc/>
    public void Accumulate(Span<T> accumulators, ReadOnlySpan<T> values) => TensorPrimitives.Add(accumulators, values, accumulators);

    /// <inheritdoc/>
    public T Accumulate(T accumulator, T value) => accumulator + value;

    /// <inheritdoc/>
    public T Result(T accumulator, long count) => count == 0 ? T.Zero : accumulator / T.CreateTruncating(count);
}

/// <summary>The p-th root of the sum of p-th powers of the absolute values.</summary>
internal readonly struct LpPooling(double p) : IPoolingFunction<double>
{
    /// <inheritdoc/>
    public double Initial => 0;

    /// <inheritdoc/>
    public void Accumulate(Span<double> accumulators, ReadOnlySpan<double> values)
    {
        for (int i = 0; i < values.Length; i++)
        {
            accumulators[i] = Accumulate(accumulators[i], values[i]);
        }
    }

    /// <inheritdoc/>
    public double Accumulate(double accumulator, double value) =>
        accumulator + (p == 2 ? value * value : p == 1 ? Math.Abs(value) : Math.Pow(Math.Abs(value), p));

    /// <inheritdoc/>
    public double Result(double accumulator, long count) => p == 2 ? Math.Sqrt(accumulator) : p == 1 ? accumulator : Math.Pow(accumulator, 1 / p);
}
