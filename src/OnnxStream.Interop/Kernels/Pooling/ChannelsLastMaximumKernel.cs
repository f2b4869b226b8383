using System.Numerics;
using System.Runtime.CompilerServices;

namespace OnnxStream.Interop.Kernels;

/// <summary>The largest element of windows over height and width of 8-bit [N, H, W, C], a vector of channels at a time.</summary>
/// <param name="geometry">The windows; its planes are items.</param>
/// <param name="channels">The number of channels.</param>
internal sealed unsafe class ChannelsLastMaximumKernel<T>(PoolingGeometry geometry, long channels) : RowKernel(geometry.OutputRows, geometry.Output[2] * geometry.WindowElements * channels / ElementsPerRead)
    where T : unmanaged, INumber<T>, IMinMaxValue<T>
{
    private const int ElementsPerRead = 8;

    /// <inheritdoc/>
    public override string Name => "max pooling channels last";

    /// <inheritdoc/>
    protected override void ComputeRows(KernelContext context, long first, long end)
    {
        long width = geometry.Output[2];
        for (long row = first; row < end; row++)
        {
            (long item, long y) = Math.DivRem(row, geometry.Output[1]);
            (long firstY, long endY) = geometry.Inside(1, y);
            T* input = (T*)context.Input(0) + (item * geometry.InputPlane + geometry.Position(1, y, firstY) * geometry.Input[2]) * channels;
            T* output = (T*)context.Output(0) + row * width * channels;
            for (long x = 0; x < width; x++, output += channels)
            {
                (long firstX, long endX) = geometry.Inside(2, x);
                ComputeWindow(input + geometry.Position(2, x, firstX) * channels, output, endY - firstY, endX - firstX);
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void ComputeWindow(T* input, T* output, long rows, long columns)
    {
        long columnStride = geometry.Dilations[2] * channels;
        long rowStride = geometry.Dilations[1] * geometry.Input[2] * channels;
        long c = 0;
        for (; c <= channels - Vector<T>.Count; c += Vector<T>.Count)
        {
            Vector<T> largest = new(T.MinValue);
            for (long row = 0; row < rows; row++)
            {
                for (long column = 0; column < columns; column++)
                {
                    largest = Vector.Max(largest, Vector.Load(input + row * rowStride + column * columnStride + c));
                }
            }

            largest.Store(output + c);
        }

        for (; c < channels; c++)
        {
            T largest = T.MinValue;
            for (long row = 0; row < rows; row++)
            {
                for (long column = 0; column < columns; column++)
                {
                    largest = T.Max(largest, input[row * rowStride + column * columnStride + c]);
                }
            }

            output[c] = largest;
        }
    }
}
