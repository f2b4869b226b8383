using System.Numerics;
using System.Runtime.CompilerServices;

namespace OnnxStream.Interop.Kernels;

/// <summary>How the elements of a window become one, for a vector of channels.</summary>
internal interface IChannelPoolingFunction
{
    /// <summary>The kernel's name.</summary>
    static abstract string Name { get; }

    /// <summary>What a window starts with.</summary>
    static abstract Vector<float> Initial { get; }

    /// <summary>Takes an element in.</summary>
    static abstract Vector<float> Accumulate(Vector<float> accumulator, Vector<float> value);

    /// <summary>What a window of <paramref name="count"/> elements becomes.</summary>
    static abstract Vector<float> Result(Vector<float> accumulator, Vector<float> count);
}

/// <summary>Pools windows over height and width of single-precision [N, H, W, C], several vectors of channels at a time.</summary>
internal sealed unsafe class ChannelsLastPoolingKernel<TFunction> : RowKernel
    where TFunction : IChannelPoolingFunction
{
    // Elements of a window follow each other so quickly that several take the time of one that is read from memory.
    private const int ElementsPerRead = 8;

    private readonly PoolingGeometry _geometry;
    private readonly long _channels;
    private readonly long _inputStride;
    private readonly long _outputStride;
    private readonly long[] _countsOfRows;
    private readonly long[] _countsOfColumns;

    /// <summary>Makes the kernel.</summary>
    /// <param name="geometry">The windows; its planes are items.</param>
    /// <param name="channels">The number of channels.</param>
    /// <param name="includePads">Whether elements in the padding count (as zeros).</param>
    /// <param name="inputStride">Elements from a pixel of the input to the next.</param>
    /// <param name="outputStride">Elements from a pixel of the output to the next.</param>
    public ChannelsLastPoolingKernel(PoolingGeometry geometry, long channels, bool includePads, long inputStride, long outputStride)
        : base(geometry.OutputRows, geometry.Output[2] * geometry.WindowElements * channels * sizeof(float) / ElementsPerRead)
    {
        _geometry = geometry;
        _channels = channels;
        _inputStride = inputStride;
        _outputStride = outputStride;
        _countsOfRows = geometry.Counts(1, includePads);
        _countsOfColumns = geometry.Counts(2, includePads);
    }

    /// <inheritdoc/>
    public override string Name => TFunction.Name;

    /// <inheritdoc/>
    protected override void ComputeRows(KernelContext context, long first, long end)
    {
        long width = _geometry.Output[2];
        for (long row = first; row < end; row++)
        {
            (long item, long y) = Math.DivRem(row, _geometry.Output[1]);
            (long firstY, long endY) = _geometry.Inside(1, y);
            float* input = (float*)context.Input(0) + (item * _geometry.InputPlane + _geometry.Position(1, y, firstY) * _geometry.Input[2]) * _inputStride;
            float* output = (float*)context.Output(0) + row * width * _outputStride;
            for (long x = 0; x < width; x++, output += _outputStride)
            {
                (long firstX, long endX) = _geometry.Inside(2, x);
                float count = Math.Max(1, _countsOfRows[y] * _countsOfColumns[x]);
                ComputeWindow(input + _geometry.Position(2, x, firstX) * _inputStride, output, endY - firstY, endX - firstX, count);
            }
        }
    }

    // A plan may run only a few times: the loops do not wait for the runtime to find out that they are hot.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void ComputeWindow(float* input, float* output, long rows, long columns, float count)
    {
        int width = Vector<float>.Count;
        long columnStride = _geometry.Dilations[2] * _inputStride;
        long rowStride = _geometry.Dilations[1] * _geometry.Input[2] * _inputStride;
        Vector<float> counts = new(count);
        long c = 0;
        for (; c + 4 * width <= _channels; c += 4 * width)
        {
            Vector<float> sum0 = TFunction.Initial, sum1 = sum0, sum2 = sum0, sum3 = sum0;
            for (long row = 0; row < rows; row++)
            {
                float* source = input + row * rowStride + c;
                for (long column = 0; column < columns; column++, source += columnStride)
                {
                    sum0 = TFunction.Accumulate(sum0, Vector.Load(source));
                    sum1 = TFunction.Accumulate(sum1, Vector.Load(source + width));
                    sum2 = TFunction.Accumulate(sum2, Vector.Load(source + 2 * width));
                    sum3 = TFunction.Accumulate(sum3, Vector.Load(source + 3 * width));
                }
            }

            TFunction.Result(sum0, counts).Store(output + c);
            TFunction.Result(sum1, counts).Store(output + c + width);
            TFunction.Result(sum2, counts).Store(output + c + 2 * width);
            TFunction.Result(sum3, counts).Store(output + c + 3 * width);
        }

        for (; c + width <= _channels; c += width)
        {
            Vector<float> sum = TFunction.Initial;
            for (long row = 0; row < rows; row++)
            {
                float* source = input + row * rowStride + c;
                for (long column = 0; column < columns; column++, source += columnStride)
                {
                    sum = TFunction.Accumulate(sum, Vector.Load(source));
                }
            }

            TFunction.Result(sum, counts).Store(output + c);
        }

        if (c < _channels)
        {
            ComputeTail(input + c, output + c, (int)(_channels - c), rows, columns, rowStride, columnStride, counts);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void ComputeTail(float* input, float* output, int channels, long rows, long columns, long rowStride, long columnStride, Vector<float> counts)
    {
        Span<float> tail = stackalloc float[Vector<float>.Count];
        tail.Clear();
        Vector<float> sum = TFunction.Initial;
        for (long row = 0; row < rows; row++)
        {
            float* source = input + row * rowStride;
            for (long column = 0; column < columns; column++, source += columnStride)
            {
                new ReadOnlySpan<float>(source, channels).CopyTo(tail);
                sum = TFunction.Accumulate(sum, new Vector<float>(tail));
            }
        }

        TFunction.Result(sum, counts).CopyTo(tail);
        tail[..channels].CopyTo(new Span<float>(output, channels));
    }
}

/// <summary>The largest element; NaN if one is.</summary>
internal readonly struct MaximumChannelPooling : IChannelPoolingFunction
{
    /// <inheritdoc/>
    public static string Name => "max pooling channels last";

    /// <inheritdoc/>
    public static Vector<float> Initial => new(float.NegativeInfinity);

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector<float> Accumulate(Vector<float> accumulator, Vector<float> value) => MaximumOperation<float>.Invoke(accumulator, value);

    /// <inheritdoc/>
    public static Vector<float> Result(Vector<float> accumulator, Vector<float> count) => accumulator;
}

/// <summary>The mean; 0 of no elements.</summary>
internal readonly struct AverageChannelPooling : IChannelPoolingFunction
{
    /// <inheritdoc/>
    public static string Name => "average pooling channels last";

    /// <inheritdoc/>
    public static Vector<float> Initial => Vector<float>.Zero;

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector<float> Accumulate(Vector<float> accumulator, Vector<float> value) => accumulator + value;

    /// <inheritdoc/>
    public static Vector<float> Result(Vector<float> accumulator, Vector<float> count) => accumulator / count;
}
