using OnnxStream.Interop.Pipelines;

namespace OnnxStream.Interop.Vision;

/// <summary>Pictures as planes of numbers, in another size or cut out.</summary>
/// <remarks>Planes are red, green and blue of 0 to 255, row by row. Opacity is left out: transparent pixels have the colours that they have.</remarks>
internal static class PictureSampling
{
    // As OpenCV's and most others' bicubic filter.
    private const float CubicSharpness = -0.75f;

    /// <summary>Resizes as OpenCV's INTER_LINEAR does: between the four nearest pixels, however much smaller the picture becomes.</summary>
    public static float[] Bilinear(Picture picture, int width, int height)
    {
        float[] planes = new float[3 * width * height];
        (int[] lefts, float[] xs) = Neighbours(picture.Width, width);
        (int[] tops, float[] ys) = Neighbours(picture.Height, height);
        for (int y = 0; y < height; y++)
        {
            ReadOnlySpan<byte> upper = Row(picture, tops[y]), lower = Row(picture, Math.Min(tops[y] + 1, picture.Height - 1));
            for (int x = 0; x < width; x++)
            {
                int left = 4 * lefts[x], right = 4 * Math.Min(lefts[x] + 1, picture.Width - 1);
                for (int channel = 0; channel < 3; channel++)
                {
                    float above = upper[left + channel] + (xs[x] * (upper[right + channel] - upper[left + channel]));
                    float below = lower[left + channel] + (xs[x] * (lower[right + channel] - lower[left + channel]));
                    planes[(((channel * height) + y) * width) + x] = above + (ys[y] * (below - above));
                }
            }
        }

        return planes;
    }

    /// <summary>Resizes as Pillow's BILINEAR does: with a triangle that covers what becomes one pixel, so that nothing is skipped.</summary>
    public static float[] Antialiased(Picture picture, int width, int height)
    {
        (int First, float[] Weights)[] columns = TriangleFilter.Create(picture.Width, width), rows = TriangleFilter.Create(picture.Height, height);
        float[] planes = new float[3 * width * height];
        float[] line = new float[3 * width];
        for (int y = 0, next = 0; y < picture.Height; y++)
        {
            // Each row of the picture is narrowed once, and goes to the rows that it is a part of.
            ReadOnlySpan<byte> source = Row(picture, y);
            for (int x = 0; x < width; x++)
            {
                float red = 0, green = 0, blue = 0;
                (int first, float[] weights) = columns[x];
                for (int i = 0; i < weights.Length; i++)
                {
                    ReadOnlySpan<byte> pixel = source.Slice(4 * (first + i), 3);
                    red += weights[i] * pixel[0];
                    green += weights[i] * pixel[1];
                    blue += weights[i] * pixel[2];
                }

                (line[x], line[width + x], line[(2 * width) + x]) = (red, green, blue);
            }

            while (next < height && rows[next].First + rows[next].Weights.Length <= y)
            {
                next++;
            }

            for (int row = next; row < height && rows[row].First <= y; row++)
            {
                float weight = rows[row].Weights[y - rows[row].First];
                for (int channel = 0; channel < 3; channel++)
                {
                    Span<float> target = planes.AsSpan(((channel * height) + row) * width, width);
                    System.Numerics.Tensors.TensorPrimitives.MultiplyAdd(line.AsSpan(channel * width, width), weight, target, target);
                }
            }
        }

        return planes;
    }

    /// <summary>Cuts a quadrilateral out, straightened, as OpenCV's warpPerspective with INTER_CUBIC and BORDER_REPLICATE does.</summary>
    /// <param name="picture">The picture.</param>
    /// <param name="corners">The corners that become the upper left, upper right, lower right and lower left one.</param>
    /// <param name="width">The width of the result.</param>
    /// <param name="height">The height of the result.</param>
    public static Picture Straighten(Picture picture, IReadOnlyList<PicturePoint> corners, int width, int height)
    {
        Picture result = new(width, height);
        double[] map = Perspective(corners, width, height);
        Span<float> columns = stackalloc float[4], rows = stackalloc float[4];
        for (int y = 0; y < height; y++)
        {
            for (int x = 0; x < width; x++)
            {
                double divisor = (map[6] * x) + (map[7] * y) + 1;
                double sourceX = ((map[0] * x) + (map[1] * y) + map[2]) / divisor, sourceY = ((map[3] * x) + (map[4] * y) + map[5]) / divisor;
                int left = (int)Math.Floor(sourceX), top = (int)Math.Floor(sourceY);
                Cubic((float)(sourceX - left), columns);
                Cubic((float)(sourceY - top), rows);
                float red = 0, green = 0, blue = 0;
                for (int j = 0; j < 4; j++)
                {
                    ReadOnlySpan<byte> source = Row(picture, Math.Clamp(top + j - 1, 0, picture.Height - 1));
                    for (int i = 0; i < 4; i++)
                    {
                        ReadOnlySpan<byte> pixel = source.Slice(4 * Math.Clamp(left + i - 1, 0, picture.Width - 1), 3);
                        float weight = rows[j] * columns[i];
                        red += weight * pixel[0];
                        green += weight * pixel[1];
                        blue += weight * pixel[2];
                    }
                }

                Span<byte> target = result.Pixels.Slice(4 * ((y * width) + x), 4);
                (target[0], target[1], target[2], target[3]) = (ToByte(red), ToByte(green), ToByte(blue), byte.MaxValue);
            }
        }

        return result;
    }

    /// <summary>Turns a picture by a quarter, against the clock.</summary>
    public static Picture TurnLeft(Picture picture) => Move(picture, picture.Height, picture.Width, (x, y) => (picture.Width - 1 - y, x));

    /// <summary>Turns a picture upside down.</summary>
    public static Picture TurnAround(Picture picture) => Move(picture, picture.Width, picture.Height, (x, y) => (picture.Width - 1 - x, picture.Height - 1 - y));

    private static Picture Move(Picture picture, int width, int height, Func<int, int, (int X, int Y)> source)
    {
        Picture moved = new(width, height);
        for (int y = 0; y < height; y++)
        {
            for (int x = 0; x < width; x++)
            {
                (int column, int row) = source(x, y);
                picture.Pixels.Slice(4 * ((row * picture.Width) + column), 4).CopyTo(moved.Pixels[(4 * ((y * width) + x))..]);
            }
        }

        return moved;
    }

    private static ReadOnlySpan<byte> Row(Picture picture, int y) => picture.Pixels.Slice(4 * y * picture.Width, 4 * picture.Width);

    private static byte ToByte(float value) => (byte)Math.Clamp(MathF.Round(value), 0, 255);

    // The nearest pixel at or before each target's centre, and how far that is beyond the pixel's centre.
    private static (int[] First, float[] Fraction) Neighbours(int length, int target)
    {
        int[] first = new int[target];
        float[] fraction = new float[target];
        double ratio = (double)length / target;
        for (int i = 0; i < target; i++)
        {
            double center = Math.Clamp(((i + 0.5) * ratio) - 0.5, 0, length - 1);
            first[i] = (int)center;
            fraction[i] = (float)(center - first[i]);
        }

        return (first, fraction);
    }

    private static void Cubic(float fraction, Span<float> weights)
    {
        float before = 1 + fraction, rest = 1 - fraction;
        weights[0] = (((((CubicSharpness * before) - (5 * CubicSharpness)) * before) + (8 * CubicSharpness)) * before) - (4 * CubicSharpness);
        weights[1] = ((((CubicSharpness + 2) * fraction) - (CubicSharpness + 3)) * fraction * fraction) + 1;
        weights[2] = ((((CubicSharpness + 2) * rest) - (CubicSharpness + 3)) * rest * rest) + 1;
        weights[3] = 1 - weights[0] - weights[1] - weights[2];
    }

    // Eight equations for the map of the rectangle's corners to the quadrilateral's; https://en.wikipedia.org/wiki/Homography_(computer_vision).
    private static double[] Perspective(IReadOnlyList<PicturePoint> corners, int width, int height)
    {
        const int Count = 8;
        (double X, double Y)[] from = [(0, 0), (width, 0), (width, height), (0, height)];
        double[,] equations = new double[Count, Count + 1];
        for (int i = 0; i < 4; i++)
        {
            (double x, double y) = from[i];
            double[] first = [x, y, 1, 0, 0, 0, -x * corners[i].X, -y * corners[i].X, corners[i].X];
            double[] second = [0, 0, 0, x, y, 1, -x * corners[i].Y, -y * corners[i].Y, corners[i].Y];
            for (int column = 0; column <= Count; column++)
            {
                equations[2 * i, column] = first[column];
                equations[(2 * i) + 1, column] = second[column];
            }
        }

        for (int pivot = 0; pivot < Count; pivot++)
        {
            int best = Enumerable.Range(pivot, Count - pivot).MaxBy(row => Math.Abs(equations[row, pivot]));
            for (int column = 0; column <= Count; column++)
            {
                (equations[pivot, column], equations[best, column]) = (equations[best, column], equations[pivot, column]);
            }

            for (int row = 0; row < Count; row++)
            {
                double factor = row == pivot ? 0 : equations[row, pivot] / equations[pivot, pivot];
                for (int column = pivot; column <= Count && factor != 0; column++)
                {
                    equations[row, column] -= factor * equations[pivot, column];
                }
            }
        }

        return [.. Enumerable.Range(0, Count).Select(row => equations[row, Count] / equations[row, row])];
    }
}
