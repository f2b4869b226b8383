using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace OnnxStream.Interop.Kernels;

/// <summary>How positions between elements are read.</summary>
internal enum SamplingMode
{
    Nearest,
    Linear,
    Cubic,
}

/// <summary>What lies around an image.</summary>
internal enum SamplingBorder
{
    Zeros,
    Border,
    Reflection,
}

/// <summary>Reads an image [N, C, (D,) H, W] at the positions that a grid [N, (D',) H', W', 2 or 3] of numbers from -1 to 1 gives.</summary>
/// <remarks>The image and the output are of <typeparamref name="T"/>, the grid and what is computed of <typeparamref name="TCompute"/>. For each position, the elements that it is made of and their weights are found once for all channels.</remarks>
internal sealed unsafe class GridSampleKernel<T, TCompute> : RowKernel
    where T : unmanaged, INumber<T>
    where TCompute : unmanaged, IFloatingPointIeee754<TCompute>
{
    private const int MostTaps = 16;

    // Points that are computed side by side, channel by channel, and the neighbours of each.
    private const int Chunk = 128;
    private const int Taps = 4;

    private readonly SamplingMode _mode;
    private readonly SamplingBorder _border;
    private readonly bool _alignsCorners;
    private readonly long _channels;
    private readonly long[] _input;
    private readonly long _inputPlane;
    private readonly long _outputPlane;
    private readonly long _outputRow;

    /// <summary>Makes the kernel.</summary>
    /// <param name="mode">How positions between elements are read; cubic is for two dimensions.</param>
    /// <param name="border">What lies around the image.</param>
    /// <param name="alignsCorners">Whether -1 and 1 are the centers of the outermost elements rather than their outer edges.</param>
    /// <param name="input">The image's shape.</param>
    /// <param name="output">The output's shape.</param>
    public GridSampleKernel(SamplingMode mode, SamplingBorder border, bool alignsCorners, Shape input, Shape output)
        : base(output.ElementCount == 0 ? 0 : output[0] * output.Product(2, output.Rank - 1), output[^1] * (output[1] + 2) * 4 * sizeof(T))
    {
        _mode = mode;
        _border = border;
        _alignsCorners = alignsCorners;
        _channels = input[1];
        _input = input.Rank == 4 ? [1, input[2], input[3]] : [.. input.Dimensions[2..]];
        Dimensions = input.Rank - 2;
        _inputPlane = input.Product(2, input.Rank);
        _outputPlane = output.Product(2, output.Rank);
        _outputRow = output[^1];
    }

    /// <inheritdoc/>
    public override string Name => "grid sample";

    private int Dimensions { get; }

    /// <inheritdoc/>
    protected override void ComputeRows(KernelContext context, long first, long end)
    {
        if (_mode == SamplingMode.Linear && Dimensions == 2 && typeof(T) == typeof(float) && typeof(TCompute) == typeof(float) && _inputPlane is > 1 and <= int.MaxValue)
        {
            for (long point = first * _outputRow; point < end * _outputRow;)
            {
                // Not over the end of an image.
                int count = (int)Math.Min(Chunk, Math.Min(end * _outputRow - point, _outputPlane - point % _outputPlane));
                SampleLinearly(context, point, count);
                point += count;
            }

            return;
        }

        if (_mode == SamplingMode.Nearest)
        {
            for (long point = first * _outputRow; point < end * _outputRow;)
            {
                int count = (int)Math.Min(Chunk, Math.Min(end * _outputRow - point, _outputPlane - point % _outputPlane));
                SampleNearest(context, point, count);
                point += count;
            }

            return;
        }

        SamplePoints(context, first * _outputRow, end * _outputRow);
    }

    // The element of each point, then channel by channel what is there. Outside there is nothing.
    private void SampleNearest(KernelContext context, long point, int count)
    {
        long* taps = stackalloc long[MostTaps];
        TCompute* weights = stackalloc TCompute[MostTaps];
        long* offsets = stackalloc long[Chunk];
        TCompute* grid = (TCompute*)context.Input(1) + point * Dimensions;
        bool areInside = true;
        for (int i = 0; i < count; i++)
        {
            offsets[i] = FindTaps(grid + i * Dimensions, taps, weights) == 1 ? taps[0] : -1;
            areInside &= offsets[i] >= 0;
        }

        (long item, long position) = Math.DivRem(point, _outputPlane);
        T* input = (T*)context.Input(0) + item * _channels * _inputPlane;
        T* output = (T*)context.Output(0) + item * _channels * _outputPlane + position;
        for (long channel = 0; channel < _channels; channel++)
        {
            Pick(input + channel * _inputPlane, offsets, output + channel * _outputPlane, count, areInside);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Pick(T* plane, long* offsets, T* results, int count, bool areInside)
    {
        for (int i = 0; i < count && areInside; i++)
        {
            results[i] = plane[offsets[i]];
        }

        for (int i = 0; i < count && !areInside; i++)
        {
            results[i] = offsets[i] >= 0 ? plane[offsets[i]] : T.Zero;
        }
    }

    // The four neighbours of each point, then channel by channel what they make.
    private void SampleLinearly(KernelContext context, long point, int count)
    {
        long* tapOffsets = stackalloc long[MostTaps];
        TCompute* tapWeights = stackalloc TCompute[MostTaps];
        int* offsets = stackalloc int[2 * Chunk];
        float* weights = stackalloc float[Taps * Chunk];
        bool* isWhole = stackalloc bool[Chunk];
        TCompute* grid = (TCompute*)context.Input(1) + point * Dimensions;
        for (int i = 0; i < count; i++)
        {
            // Points without two pairs of neighbours side by side are made below.
            isWhole[i] = FindTaps(grid + i * Dimensions, tapOffsets, tapWeights) == Taps && tapOffsets[1] == tapOffsets[0] + 1 && tapOffsets[3] == tapOffsets[2] + 1;
            offsets[2 * i] = isWhole[i] ? (int)tapOffsets[0] : 0;
            offsets[2 * i + 1] = isWhole[i] ? (int)tapOffsets[2] : 0;
            for (int k = 0; k < Taps && isWhole[i]; k++)
            {
                weights[Taps * i + k] = float.CreateTruncating(tapWeights[k]);
            }
        }

        (long item, long position) = Math.DivRem(point, _outputPlane);
        float* input = (float*)context.Input(0) + item * _channels * _inputPlane;
        float* output = (float*)context.Output(0) + item * _channels * _outputPlane + position;
        for (long channel = 0; channel < _channels; channel++)
        {
            Blend(input + channel * _inputPlane, offsets, weights, output + channel * _outputPlane, count);
        }

        for (int i = 0; i < count; i++)
        {
            if (!isWhole[i])
            {
                SamplePoints(context, point + i, point + i + 1);
            }
        }
    }

    // For each point two pairs of elements, weighted.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Blend(float* plane, int* offsets, float* weights, float* results, int count)
    {
        int i = 0;
        for (; i <= count - 4; i += 4)
        {
            Vector128<float> first = Weighted(plane, offsets + 2 * i, weights + Taps * i);
            Vector128<float> second = Weighted(plane, offsets + 2 * i + 2, weights + Taps * (i + 1));
            Vector128<float> third = Weighted(plane, offsets + 2 * i + 4, weights + Taps * (i + 2));
            Vector128<float> fourth = Weighted(plane, offsets + 2 * i + 6, weights + Taps * (i + 3));
            if (Sse3.IsSupported)
            {
                Sse3.HorizontalAdd(Sse3.HorizontalAdd(first, second), Sse3.HorizontalAdd(third, fourth)).Store(results + i);
                continue;
            }

            results[i] = Vector128.Sum(first);
            results[i + 1] = Vector128.Sum(second);
            results[i + 2] = Vector128.Sum(third);
            results[i + 3] = Vector128.Sum(fourth);
        }

        for (; i < count; i++)
        {
            results[i] = Vector128.Sum(Weighted(plane, offsets + 2 * i, weights + Taps * i));
        }
    }

    // A pair is read as one number of twice the size.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<float> Weighted(float* plane, int* offsets, float* weights) =>
        Vector128.Create(*(double*)(plane + offsets[0]), *(double*)(plane + offsets[1])).AsSingle() * Vector128.Load(weights);

    private void SamplePoints(KernelContext context, long first, long end)
    {
        long* offsets = stackalloc long[MostTaps];
        TCompute* weights = stackalloc TCompute[MostTaps];
        for (long point = first; point < end; point++)
        {
            (long item, long position) = Math.DivRem(point, _outputPlane);
            int taps = FindTaps((TCompute*)context.Input(1) + point * Dimensions, offsets, weights);
            T* input = (T*)context.Input(0) + item * _channels * _inputPlane;
            T* output = (T*)context.Output(0) + item * _channels * _outputPlane + position;
            for (long channel = 0; channel < _channels; channel++, input += _inputPlane, output += _outputPlane)
            {
                TCompute sum = TCompute.Zero;
                for (int i = 0; i < taps; i++)
                {
                    sum += weights[i] * TCompute.CreateTruncating(input[offsets[i]]);
                }

                *output = T.CreateTruncating(sum);
            }
        }
    }

    // The grid's coordinates go from the innermost dimension out.
    private int FindTaps(TCompute* grid, long* offsets, TCompute* weights)
    {
        TCompute x = Locate(2, grid[0]);
        TCompute y = Locate(1, grid[1]);
        TCompute z = Dimensions == 3 ? Locate(0, grid[2]) : TCompute.Zero;
        int count = 0;
        if (_mode == SamplingMode.Nearest)
        {
            Add(ToLong(TCompute.Round(z)), ToLong(TCompute.Round(y)), ToLong(TCompute.Round(x)), TCompute.One, offsets, weights, ref count);
            return count;
        }

        long left = ToLong(TCompute.Floor(x));
        long top = ToLong(TCompute.Floor(y));
        long front = ToLong(TCompute.Floor(z));
        TCompute fx = x - TCompute.CreateTruncating(left);
        TCompute fy = y - TCompute.CreateTruncating(top);
        TCompute fz = z - TCompute.CreateTruncating(front);
        int from = _mode == SamplingMode.Cubic ? -1 : 0;
        int to = _mode == SamplingMode.Cubic ? 2 : 1;
        for (int k = 0; k < (Dimensions == 3 ? 2 : 1); k++)
        {
            TCompute layerWeight = Dimensions == 3 ? Weight(fz, k) : TCompute.One;
            for (int j = from; j <= to; j++)
            {
                TCompute rowWeight = layerWeight * Weight(fy, j);
                for (int i = from; i <= to; i++)
                {
                    Add(front + k, top + j, left + i, rowWeight * Weight(fx, i), offsets, weights, ref count);
                }
            }
        }

        return count;
    }

    private TCompute Weight(TCompute fraction, int tap)
    {
        if (_mode == SamplingMode.Linear)
        {
            return tap == 0 ? TCompute.One - fraction : fraction;
        }

        // Keys' cubic convolution with a = -0.75.
        double x = Math.Abs(double.CreateTruncating(fraction) - tap);
        return TCompute.CreateTruncating(x <= 1 ? (1.25 * x - 2.25) * x * x + 1 : ((x - 5) * x + 8) * x * -0.75 + 3);
    }

    // A coordinate from -1 to 1 in elements, moved into the image where the border says so.
    private TCompute Locate(int axis, TCompute coordinate)
    {
        TCompute length = TCompute.CreateTruncating(_input[axis]);
        TCompute two = TCompute.One + TCompute.One;
        TCompute x = coordinate + TCompute.One;
        x = _alignsCorners ? x / two * (length - TCompute.One) : (x * length - TCompute.One) / two;
        if (!TCompute.IsFinite(x))
        {
            // Far away on the side of the sign.
            x = TCompute.IsNegative(x) ? TCompute.CreateTruncating(-(1 << 20)) : TCompute.CreateTruncating(1 << 20) + length;
        }

        x = _mode == SamplingMode.Nearest ? TCompute.Round(x) : x;
        return _border switch
        {
            SamplingBorder.Border when _mode != SamplingMode.Cubic => TCompute.Clamp(x, TCompute.Zero, length - TCompute.One),
            SamplingBorder.Reflection => Reflect(x, length),
            _ => x,
        };
    }

    private TCompute Reflect(TCompute x, TCompute length)
    {
        TCompute half = TCompute.One / (TCompute.One + TCompute.One);
        TCompute least = _alignsCorners ? TCompute.Zero : -half;
        TCompute most = _alignsCorners ? length - TCompute.One : length - half;
        TCompute range = most - least;
        if ((x >= least && x <= most) || range <= TCompute.Zero)
        {
            return range <= TCompute.Zero ? TCompute.Zero : x;
        }

        TCompute distance = x < least ? least - x : x - most;
        TCompute times = TCompute.Truncate(distance / range);
        TCompute rest = distance - times * range;
        bool isEven = TCompute.IsEvenInteger(times);
        return isEven == (x < least) ? least + rest : most - rest;
    }

    private void Add(long z, long y, long x, TCompute weight, long* offsets, TCompute* weights, ref int count)
    {
        if (!IsInside(0, ref z) || !IsInside(1, ref y) || !IsInside(2, ref x))
        {
            return;
        }

        offsets[count] = (z * _input[1] + y) * _input[2] + x;
        weights[count++] = weight;
    }

    private bool IsInside(int axis, ref long position)
    {
        long last = _input[axis] - 1;
        if (position >= 0 && position <= last)
        {
            return true;
        }

        if (_border == SamplingBorder.Zeros)
        {
            return false;
        }

        if (_border == SamplingBorder.Reflection)
        {
            position = ToLong(Reflect(TCompute.CreateTruncating(position), TCompute.CreateTruncating(_input[axis])));
        }

        position = Math.Clamp(position, 0, last);
        return true;
    }

    private static long ToLong(TCompute value) => long.CreateSaturating(value);
}
