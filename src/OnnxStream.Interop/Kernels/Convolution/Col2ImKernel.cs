using System.Numerics;

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
        long places = new Shape(_counts).ElementCount;
        Span<long> place = stackalloc long[image.Length];
        for (long plane = first; plane < end; plane++)
        {
            T* input = (T*)context.Input(0) + plane * _blockSize * places;
            T* output = (T*)context.Output(0) + plane * _imageSize;
            new Span<T>(output, checked((int)_imageSize)).Clear();
            for (long element = 0; element < _blockSize; element++)
            {
                place.Clear();
                for (long i = 0; i < places; i++, input++)
                {
                    if (Offset(element, place) is >= 0 and var offset)
                    {
                        output[offset] += *input;
                    }

                    for (int axis = place.Length - 1; axis >= 0 && ++place[axis] == _counts[axis]; axis--)
                    {
                        place[axis] = 0;
                    }
                }
            }
        }
    }

    // Where an element of the block at a place lies in the image; -1 for outside.
    private long Offset(long element, ReadOnlySpan<long> place)
    {
        long offset = 0;
        long stride = 1;
        for (int axis = image.Length - 1; axis >= 0; axis--)
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
