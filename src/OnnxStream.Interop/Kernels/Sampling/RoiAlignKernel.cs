using System.Numerics;
using System.Runtime.CompilerServices;

namespace OnnxStream.Interop.Kernels;

/// <summary>Pools regions of images, read between their elements, into grids of a fixed size.</summary>
/// <param name="input">The images' shape, [N, C, H, W].</param>
/// <param name="output">The output's shape, [regions, C, H', W'].</param>
/// <param name="scale">From the regions' coordinates to those of the images.</param>
/// <param name="samples">How many positions of a cell are read along each dimension; 0 for as many as it has elements.</param>
/// <param name="hasHalfPixel">Whether coordinates are shifted by half an element.</param>
/// <param name="isMaximum">Whether the largest weighted element is taken rather than the mean of the values read.</param>
/// <remarks>Inputs of the step: images, regions [regions, 4] as (x1, y1, x2, y2), the index of each region's image.</remarks>
internal sealed unsafe class RoiAlignKernel<T>(Shape input, Shape output, double scale, long samples, bool hasHalfPixel, bool isMaximum)
    : RowKernel(output.ElementCount == 0 ? 0 : output[0] * output[1], output[2] * output[3] * sizeof(T) * 16)
    where T : unmanaged, IFloatingPointIeee754<T>
{
    // Regions that are larger would keep the thread busy for ever.
    private const double MostSamples = 1 << 20;

    // So many positions along one dimension of a region have their neighbours found once for all channels.
    private const int MostPositions = 1 << 10;

    /// <inheritdoc/>
    public override string Name => "region align";

    /// <inheritdoc/>
    protected override void Check(KernelContext context)
    {
        IndexTensor images = new(context, 2);
        for (long region = 0; region < output[0]; region++)
        {
            long image = images[region];
            if (image < 0 || image >= input[0])
            {
                throw new InvalidInputException($"{context.Call.OperatorType} '{context.Call.NodeName}': region {region} is of image {image}, but there are {input[0]}.");
            }

            Region found = Find(context, region);
            if (!(found.SamplesHigh * found.SamplesWide <= MostSamples) || !double.IsFinite(found.Top + found.Left))
            {
                throw new InvalidInputException($"{context.Call.OperatorType} '{context.Call.NodeName}': region {region} is too large or not a region.");
            }
        }
    }

    /// <inheritdoc/>
    protected override void ComputeRows(KernelContext context, long first, long end)
    {
        IndexTensor images = new(context, 2);
        Neighbours* rows = stackalloc Neighbours[MostPositions];
        Neighbours* columns = stackalloc Neighbours[MostPositions];
        double* sums = stackalloc double[3 * MostPositions];
        Region found = default;
        long known = -1;
        for (long row = first; row < end; row++)
        {
            (long region, long channel) = Math.DivRem(row, output[1]);
            bool isKnown = region == known;
            found = isKnown ? found : Find(context, region);
            known = region;
            if (!isMaximum && output[2] * found.SamplesHigh <= MostPositions && output[3] * found.SamplesWide <= MostPositions)
            {
                if (!isKnown)
                {
                    FindNeighbours(found.Top, found.CellHeight, (int)found.SamplesHigh, (int)output[2], input[2], rows);
                    FindNeighbours(found.Left, found.CellWidth, (int)found.SamplesWide, (int)output[3], input[3], columns);
                }

                T* image = (T*)context.Input(0) + (images[region] * input[1] + channel) * input[2] * input[3];
                Average(image, found, rows, columns, sums, (T*)context.Output(0) + row * output[2] * output[3]);
                continue;
            }

            T* plane = (T*)context.Input(0) + (images[region] * input[1] + channel) * input[2] * input[3];
            T* result = (T*)context.Output(0) + row * output[2] * output[3];
            for (long y = 0; y < output[2]; y++)
            {
                for (long x = 0; x < output[3]; x++)
                {
                    *result++ = T.CreateTruncating(Pool(plane, found, y, x));
                }
            }
        }
    }

    // The neighbours of all positions along one dimension that are read.
    private static void FindNeighbours(double start, double cell, int samples, int cells, long length, Neighbours* neighbours)
    {
        for (int i = 0; i < cells * samples; i++)
        {
            (int cellIndex, int sample) = Math.DivRem(i, samples);
            double position = start + (cellIndex + (sample + 0.5) / samples) * cell;
            (long low, long high, double fraction) = Around(position, length);
            neighbours[i] = new Neighbours((int)low, (int)high, fraction, position >= -1 && position <= length);
        }
    }

    // Lines of the image are weighted and summed for all cells first, as often as they are met in a row; then lines are weighted.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void Average(T* plane, Region region, Neighbours* rows, Neighbours* columns, double* buffer, T* results)
    {
        int high = (int)region.SamplesHigh;
        int wide = (int)region.SamplesWide;
        int cells = (int)output[3];
        double* sums = buffer;
        double* first = buffer + MostPositions;
        double* second = first + MostPositions;
        (long firstLine, long secondLine) = (-1, -1);
        double count = Math.Max(1, high * (double)wide);
        for (long y = 0; y < output[2]; y++)
        {
            new Span<double>(sums, cells).Clear();
            for (int i = 0; i < high; i++)
            {
                Neighbours row = *rows++;
                if (!row.IsInside)
                {
                    continue;
                }

                if (row.Low != firstLine && row.Low == secondLine)
                {
                    double* other = first;
                    first = second;
                    second = other;
                    (firstLine, secondLine) = (secondLine, firstLine);
                }

                if (row.Low != firstLine)
                {
                    SumLine(plane + row.Low * input[3], columns, wide, cells, first);
                    firstLine = row.Low;
                }

                if (row.High != secondLine)
                {
                    SumLine(plane + row.High * input[3], columns, wide, cells, second);
                    secondLine = row.High;
                }

                Vector<double> top = new(1 - row.Fraction);
                Vector<double> bottom = new(row.Fraction);
                int x = 0;
                for (; x <= cells - Vector<double>.Count; x += Vector<double>.Count)
                {
                    (Vector.Load(sums + x) + top * Vector.Load(first + x) + bottom * Vector.Load(second + x)).Store(sums + x);
                }

                for (; x < cells; x++)
                {
                    sums[x] += (1 - row.Fraction) * first[x] + row.Fraction * second[x];
                }
            }

            for (int x = 0; x < cells; x++)
            {
                *results++ = T.CreateTruncating(sums[x] / count);
            }
        }
    }

    // What a line gives to each cell.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void SumLine(T* line, Neighbours* columns, int samples, int cells, double* sums)
    {
        for (int x = 0; x < cells; x++)
        {
            double sum = 0;
            for (int j = 0; j < samples; j++, columns++)
            {
                if (columns->IsInside)
                {
                    double left = double.CreateTruncating(line[columns->Low]);
                    double right = double.CreateTruncating(line[columns->High]);
                    sum += (1 - columns->Fraction) * left + columns->Fraction * right;
                }
            }

            sums[x] = sum;
        }
    }

    private double Pool(T* plane, Region region, long cellY, long cellX)
    {
        double sum = 0;
        double largest = double.NegativeInfinity;
        for (long i = 0; i < region.SamplesHigh; i++)
        {
            double y = region.Top + (cellY + (i + 0.5) / region.SamplesHigh) * region.CellHeight;
            for (long j = 0; j < region.SamplesWide; j++)
            {
                double x = region.Left + (cellX + (j + 0.5) / region.SamplesWide) * region.CellWidth;
                (double total, double most) = Read(plane, y, x);
                sum += total;
                largest = Math.Max(largest, most);
            }
        }

        return isMaximum ? double.IsNegativeInfinity(largest) ? 0 : largest : sum / Math.Max(1, region.SamplesHigh * region.SamplesWide);
    }

    // The sum of four weighted neighbours, and the largest of them.
    private (double Sum, double Largest) Read(T* plane, double y, double x)
    {
        (long height, long width) = (input[2], input[3]);
        if (y < -1 || y > height || x < -1 || x > width)
        {
            return (0, 0);
        }

        (long top, long bottom, double fy) = Around(y, height);
        (long left, long right, double fx) = Around(x, width);
        double a = (1 - fy) * (1 - fx) * double.CreateTruncating(plane[top * width + left]);
        double b = (1 - fy) * fx * double.CreateTruncating(plane[top * width + right]);
        double c = fy * (1 - fx) * double.CreateTruncating(plane[bottom * width + left]);
        double d = fy * fx * double.CreateTruncating(plane[bottom * width + right]);
        return (a + b + c + d, Math.Max(Math.Max(a, b), Math.Max(c, d)));
    }

    private static (long Low, long High, double Fraction) Around(double position, long length)
    {
        position = Math.Max(0, position);
        long low = (long)position;
        return low >= length - 1 ? (length - 1, length - 1, 0) : (low, low + 1, position - low);
    }

    private Region Find(KernelContext context, long index)
    {
        T* corners = (T*)context.Input(1) + index * 4;
        double offset = hasHalfPixel ? 0.5 : 0;
        double left = double.CreateTruncating(corners[0]) * scale - offset;
        double top = double.CreateTruncating(corners[1]) * scale - offset;
        double width = double.CreateTruncating(corners[2]) * scale - offset - left;
        double height = double.CreateTruncating(corners[3]) * scale - offset - top;
        if (!hasHalfPixel)
        {
            // Regions without extent are given some.
            width = Math.Max(width, 1);
            height = Math.Max(height, 1);
        }

        double cellHeight = height / output[2];
        double cellWidth = width / output[3];
        return new Region(top, left, cellHeight, cellWidth, samples > 0 ? samples : Math.Ceiling(cellHeight), samples > 0 ? samples : Math.Ceiling(cellWidth));
    }

    private readonly record struct Region(double Top, double Left, double CellHeight, double CellWidth, double SamplesHigh, double SamplesWide);

    // Two elements, how far a position is from the first to the second, and whether it counts at all.
    private readonly record struct Neighbours(int Low, int High, double Fraction, bool IsInside);
}
