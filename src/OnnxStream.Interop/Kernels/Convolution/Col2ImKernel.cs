using System.Numerics;
using System.Runtime.CompilerServices;

namespace OnnxStream.Interop.Kernels;

/// <summary>Adds the elements of blocks to the elements of an image that they lie on. A row is one channel of one item.</summary>
/// <param name="planes">The number of rows: items times channels.</param>
/// <param name="image">The image's dimensions.</param>
/// <param name="block">The block's dimensions.</param>
/// <param name="strides">Elements between two blocks.</param>
/// <param name="dilations">Elements of the image between two elements of a block.</param>
/// <param name="padsBegin">Padding before the image.</param>
/// <param name="padsEnd">Padding after it.</param>
internal sealed unsafe class Col2ImKernel<T>(long planes, long[] image, long[] block, long[] strides, long[] dilations, long[] padsBegin, long[] padsEnd) : RowKernel(planes, new Shape(image).ElementCount * sizeof(T))
    where T : unmanaged, INumber<T>
{
    private readonly long _imageSize = new Shape(image).ElementCount;
    private readonly long _blockSize = new Shape(block).ElementCount;
    private readonly long[] _counts = [.. image.Select((length, i) => (length + padsBegin[i] + padsEnd[i] - dilations[i] * (block[i] - 1) - 1) / strides[i] + 1)];

    /// <inheritdoc/>
    public override string Name => "col2im";

    /// <inheritdoc/>
    protected override void ComputeRows(KernelContext context, long first, long end)
    {
        int last = image.Length - 1;
        long rows = _counts.AsSpan(0, last).ToArray().Aggregate(1L, (product, count) => product * count);
        Span<long> place = stackalloc long[image.Length];
        for (long plane = first; plane < end; plane++)
        {
            T* input = (T*)context.Input(0) + plane * _blockSize * rows * _counts[last];
            T* output = (T*)context.Output(0) + plane * _imageSize;
            new Span<T>(output, checked((int)_imageSize)).Clear();
            for (long element = 0; element < _blockSize; element++)
            {
                // The places of a row that lie inside of the image.
                long shift = element % block[last] * dilations[last] - padsBegin[last];
                long start = Math.Clamp((strides[last] - 1 - shift) / strides[last], 0, _counts[last]);
                start = shift >= 0 ? 0 : start;
                long stop = shift >= image[last] ? 0 : Math.Min(_counts[last], (image[last] - 1 - shift) / strides[last] + 1);
                place.Clear();
                for (long row = 0; row < rows; row++, input += _counts[last])
                {
                    if (stop > start && Offset(element / block[last], place) is >= 0 and var offset)
                    {
                        Add(input + start, output + offset + start * strides[last] + shift, stop - start);
                    }

                    for (int axis = last - 1; axis >= 0 && ++place[axis] == _counts[axis]; axis--)
                    {
                        place[axis] = 0;
                    }
                }
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void Add(T* input, T* output, long count)
    {
        long stride = strides[^1];
        if (stride == 1)
        {
            BinaryLoops.Run<T, T, AddFunction<T>>(output, 1, input, 1, output, count);
            return;
        }

        for (long i = 0; i < count; i++)
        {
            output[i * stride] += input[i];
        }
    }

    // Where the row of an element of the block, all but its place along the last axis, lies in the image; -1 for outside.
    private long Offset(long element, ReadOnlySpan<long> place)
    {
        long offset = 0;
        long stride = image[^1];
        for (int axis = image.Length - 2; axis >= 0; axis--)
        {
            (element, long inBlock) = Math.DivRem(element, block[axis]);
            long position = place[axis] * strides[axis] - padsBegin[axis] + inBlock * dilations[axis];
            if (position < 0 || position >= image[axis])
            {
                return -1;
            }

            offset += position * stride;
            stride *= image[axis];
        }

        return offset;
    }
}
