using System.Numerics;

namespace OnnxStream.Interop.Kernels;

/// <summary>The largest elements of the cells of regions of images.</summary>
/// <param name="input">The images' shape, [N, C, H, W].</param>
/// <param name="output">The output's shape, [regions, C, H', W'].</param>
/// <param name="scale">From the regions' coordinates to those of the images.</param>
/// <remarks>Inputs of the step: images, regions [regions, 5] as (image, x1, y1, x2, y2), corners included.</remarks>
internal sealed unsafe class MaxRoiPoolKernel<T>(Shape input, Shape output, double scale)
    : RowKernel(output.ElementCount == 0 ? 0 : output[0] * output[1], output[2] * output[3] * sizeof(T) * 16)
    where T : unmanaged, IFloatingPointIeee754<T>
{
    /// <inheritdoc/>
    public override string Name => "max region pooling";

    /// <inheritdoc/>
    protected override void Check(KernelContext context)
    {
        for (long region = 0; region < output[0]; region++)
        {
            double image = double.CreateTruncating(((T*)context.Input(1))[region * 5]);
            if (!(image >= 0) || image >= input[0])
            {
                throw new InvalidInputException($"{context.Call.OperatorType} '{context.Call.NodeName}': region {region} is of image {image}, but there are {input[0]}.");
            }
        }
    }

    /// <inheritdoc/>
    protected override void ComputeRows(KernelContext context, long first, long end)
    {
        for (long row = first; row < end; row++)
        {
            (long region, long channel) = Math.DivRem(row, output[1]);
            T* corners = (T*)context.Input(1) + region * 5;
            T* plane = (T*)context.Input(0) + (long.CreateSaturating(corners[0]) * input[1] + channel) * input[2] * input[3];
            T* result = (T*)context.Output(0) + row * output[2] * output[3];
            (long left, double cellWidth) = Divide(corners[1], corners[3], output[3]);
            (long top, double cellHeight) = Divide(corners[2], corners[4], output[2]);
            for (long y = 0; y < output[2]; y++)
            {
                (long fromY, long toY) = Cell(top, cellHeight, y, input[2]);
                for (long x = 0; x < output[3]; x++)
                {
                    (long fromX, long toX) = Cell(left, cellWidth, x, input[3]);
                    T largest = fromY < toY && fromX < toX ? T.NegativeInfinity : T.Zero;
                    for (long i = fromY; i < toY; i++)
                    {
                        for (long j = fromX; j < toX; j++)
                        {
                            largest = T.Max(largest, plane[i * input[3] + j]);
                        }
                    }

                    *result++ = largest;
                }
            }
        }
    }

    private (long Start, double Cell) Divide(T start, T end, long cells)
    {
        // Far-away corners are brought close enough for sums not to overflow.
        const double Far = 1L << 40;
        long first = (long)Math.Round(Math.Clamp(double.CreateTruncating(start) * scale, -Far, Far), MidpointRounding.AwayFromZero);
        long last = (long)Math.Round(Math.Clamp(double.CreateTruncating(end) * scale, -Far, Far), MidpointRounding.AwayFromZero);
        return (first, Math.Max(last - first + 1, 1) / (double)cells);
    }

    private static (long From, long To) Cell(long start, double size, long index, long length) =>
        (Math.Clamp((long)Math.Floor(index * size) + start, 0, length), Math.Clamp((long)Math.Ceiling((index + 1) * size) + start, 0, length));
}
