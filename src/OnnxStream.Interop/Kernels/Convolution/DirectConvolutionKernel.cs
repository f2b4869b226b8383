using System.Numerics;
using System.Numerics.Tensors;

namespace OnnxStream.Interop.Kernels;

/// <summary>Convolution over up to three spatial dimensions, element types that XNNPACK does not convolve included, also transposed.</summary>
/// <remarks>
/// Straight from the definition, one output row after the other: each element of the weight adds a multiple of an input row.
/// Inputs of the step: data [N, C, …], weight [M, C/group, …] (transposed: [C, M/group, …]), then the bias [M] if there is one.
/// </remarks>
internal sealed unsafe class DirectConvolutionKernel<T, TCompute> : RowKernel
    where T : unmanaged, INumber<T>
    where TCompute : unmanaged, IFloatingPointIeee754<TCompute>
{
    private const int Chunk = 512;

    private readonly PoolingGeometry _geometry;
    private readonly long _inputs;
    private readonly long _outputs;
    private readonly long _groups;
    private readonly bool _hasBias;
    private readonly bool _isTransposed;

    /// <summary>Makes the kernel.</summary>
    /// <param name="geometry">The windows; its planes are items times output channels.</param>
    /// <param name="inputs">The number of input channels.</param>
    /// <param name="outputs">The number of output channels.</param>
    /// <param name="groups">The number of groups.</param>
    /// <param name="hasBias">Whether there is a bias.</param>
    /// <param name="isTransposed">Whether windows slide over the output rather than the input.</param>
    public DirectConvolutionKernel(PoolingGeometry geometry, long inputs, long outputs, long groups, bool hasBias, bool isTransposed)
        : base(geometry.OutputRows, geometry.Output[2] * geometry.WindowElements * (inputs / groups) * sizeof(T))
    {
        _geometry = geometry;
        _inputs = inputs;
        _outputs = outputs;
        _groups = groups;
        _hasBias = hasBias;
        _isTransposed = isTransposed;
    }

    /// <inheritdoc/>
    public override string Name => _isTransposed ? "direct deconvolution" : "direct convolution";

    /// <inheritdoc/>
    protected override void ComputeRows(KernelContext context, long first, long end)
    {
        Span<TCompute> accumulators = stackalloc TCompute[Chunk];
        Span<TCompute> buffer = stackalloc TCompute[typeof(T) == typeof(TCompute) ? 0 : Chunk];
        T* bias = _hasBias ? (T*)context.Input(2) : null;
        long width = _geometry.Output[2];
        for (long row = first; row < end; row++)
        {
            (long rest, long y) = Math.DivRem(row, _geometry.Output[1]);
            (long plane, long z) = Math.DivRem(rest, _geometry.Output[0]);
            (long item, long channel) = Math.DivRem(plane, _outputs);
            T* output = (T*)context.Output(0) + row * width;
            for (long start = 0; start < width; start += Chunk)
            {
                Span<TCompute> sums = accumulators[..(int)Math.Min(Chunk, width - start)];
                sums.Fill(bias is null ? TCompute.Zero : TCompute.CreateTruncating(bias[channel]));
                AccumulateRow(context, item, channel, z, y, start, sums, buffer);
                TensorPrimitives.ConvertTruncating<TCompute, T>(sums, new Span<T>(output + start, sums.Length));
            }
        }
    }

    private void AccumulateRow(KernelContext context, long item, long channel, long z, long y, long start, Span<TCompute> sums, Span<TCompute> buffer)
    {
        long perGroup = _inputs / _groups;
        long outputsPerGroup = _outputs / _groups;
        long group = channel / outputsPerGroup;
        long kernelSize = _geometry.Kernel[0] * _geometry.Kernel[1] * _geometry.Kernel[2];
        T* input = (T*)context.Input(0) + (item * _inputs + group * perGroup) * _geometry.InputPlane;
        T* weight = (T*)context.Input(1);
        for (long c = 0; c < perGroup; c++)
        {
            T* plane = input + c * _geometry.InputPlane;
            T* factors = weight + (_isTransposed ? (group * perGroup + c) * outputsPerGroup + channel % outputsPerGroup : channel * perGroup + c) * kernelSize;
            for (long kz = 0; kz < _geometry.Kernel[0]; kz++)
            {
                long inputZ = Source(0, z, kz);
                for (long ky = 0; ky < _geometry.Kernel[1] && inputZ >= 0; ky++)
                {
                    long inputY = Source(1, y, ky);
                    for (long kx = 0; kx < _geometry.Kernel[2] && inputY >= 0; kx++)
                    {
                        TCompute factor = TCompute.CreateTruncating(factors[(kz * _geometry.Kernel[1] + ky) * _geometry.Kernel[2] + kx]);
                        T* source = plane + (inputZ * _geometry.Input[1] + inputY) * _geometry.Input[2];
                        if (_isTransposed)
                        {
                            Scatter(source, factor, start, kx, sums, buffer);
                        }
                        else
                        {
                            Gather(source, factor, _geometry.Position(2, start, kx), sums, buffer);
                        }
                    }
                }
            }
        }
    }

    // The input position that element k of the window brings to an output position; -1 for none.
    private long Source(int axis, long output, long k)
    {
        long position;
        if (_isTransposed)
        {
            (position, long remainder) = Math.DivRem(output + _geometry.PadsBegin[axis] - k * _geometry.Dilations[axis], _geometry.Strides[axis]);
            position = remainder == 0 ? position : -1;
        }
        else
        {
            position = _geometry.Position(axis, output, k);
        }

        return position < _geometry.Input[axis] ? position : -1;
    }

    // Output positions are neighbours, input positions strides apart, the first at "position".
    private void Gather(T* source, TCompute factor, long position, Span<TCompute> sums, Span<TCompute> buffer)
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
            AddMultiple(values, factor, sums[from..to], buffer);
            return;
        }

        for (int i = from; i < to; i++, values += stride)
        {
            sums[i] += factor * TCompute.CreateTruncating(*values);
        }
    }

    // Input positions are neighbours, output positions strides apart.
    private void Scatter(T* source, TCompute factor, long start, long kx, Span<TCompute> sums, Span<TCompute> buffer)
    {
        // Input i goes to output i * stride + shift of this chunk.
        long stride = _geometry.Strides[2];
        long shift = kx * _geometry.Dilations[2] - _geometry.PadsBegin[2] - start;
        long from = shift >= 0 ? 0 : (-shift + stride - 1) / stride;
        long to = shift >= sums.Length ? 0 : Math.Min(_geometry.Input[2], (sums.Length - 1 - shift) / stride + 1);
        if (from >= to)
        {
            return;
        }

        if (stride == 1)
        {
            AddMultiple(source + from, factor, sums.Slice((int)(from + shift), (int)(to - from)), buffer);
            return;
        }

        for (long i = from; i < to; i++)
        {
            sums[(int)(i * stride + shift)] += factor * TCompute.CreateTruncating(source[i]);
        }
    }

    private static void AddMultiple(T* values, TCompute factor, Span<TCompute> sums, Span<TCompute> buffer)
    {
        if (typeof(T) == typeof(TCompute))
        {
            TensorPrimitives.MultiplyAdd(new ReadOnlySpan<TCompute>(values, sums.Length), factor, sums, sums);
            return;
        }

        TensorPrimitives.ConvertTruncating(new ReadOnlySpan<T>(values, sums.Length), buffer);
        TensorPrimitives.MultiplyAdd(buffer[..sums.Length], factor, sums, sums);
    }
}

/// <summary>Makes <see cref="DirectConvolutionKernel{T, TCompute}"/>, or <see cref="PaddedConvolutionKernel{T, TCompute}"/> where that can be.</summary>
internal static class DirectConvolutionKernel
{
    /// <summary>Makes the kernel for a floating-point type; null for others.</summary>
    public static Kernel? Create(ElementType type, PoolingGeometry geometry, long inputs, long outputs, long groups, bool hasBias, bool isTransposed) => type switch
    {
        ElementType.Float32 => Create<float, float>(geometry, inputs, outputs, groups, hasBias, isTransposed),
        ElementType.Float64 => Create<double, double>(geometry, inputs, outputs, groups, hasBias, isTransposed),
        ElementType.Float16 => Create<Half, float>(geometry, inputs, outputs, groups, hasBias, isTransposed),
        _ => null,
    };

    private static Kernel Create<T, TCompute>(PoolingGeometry geometry, long inputs, long outputs, long groups, bool hasBias, bool isTransposed)
        where T : unmanaged, INumber<T>
        where TCompute : unmanaged, IFloatingPointIeee754<TCompute> =>
        !isTransposed && PaddedConvolutionKernel<T, TCompute>.Supports(geometry, inputs, outputs)
            ? new PaddedConvolutionKernel<T, TCompute>(geometry, inputs, outputs, groups, hasBias)
            : new DirectConvolutionKernel<T, TCompute>(geometry, inputs, outputs, groups, hasBias, isTransposed);
}
