using System.Runtime.InteropServices;

namespace OnnxStream.Interop.Vision;

/// <summary>Finds lines of text in a map of probabilities, as PP-OCR's detector gives it.</summary>
/// <remarks>
/// Differentiable binarization (Liao et al., "Real-time Scene Text Detection with Differentiable Binarization", 2019) as PaddleOCR's
/// <c>DBPostProcess</c> has it: pixels above a threshold that touch one another are a region, the smallest rectangle around it is a line's
/// kernel, and the line is the kernel grown by <c>area · ratio / circumference</c>. A rectangle whose corners are rounded, as PaddleOCR grows
/// it, has the same smallest rectangle around it, so nothing is rounded here.
/// </remarks>
internal static class TextBoxes
{
    private const int MostRegions = 1000;
    private const float SmallestKernel = 3, SmallestBox = 5, SmallestSide = 3;

    // Lines whose upper left corners are so near to one height are read from left to right.
    private const float SameLine = 10;

    /// <summary>The lines, in the order in which they are read, in the coordinates of the picture.</summary>
    /// <param name="map">The probabilities, row by row.</param>
    /// <param name="width">The width of the map.</param>
    /// <param name="height">The height of the map.</param>
    /// <param name="pictureWidth">The width of the picture, which the map covers.</param>
    /// <param name="pictureHeight">The height of the picture.</param>
    /// <param name="options">The thresholds.</param>
    public static List<TextBox> Find(ReadOnlySpan<float> map, int width, int height, int pictureWidth, int pictureHeight, OcrOptions options)
    {
        List<TextBox> boxes = [];
        foreach (List<PicturePoint> region in Regions(map, width, height, options.PixelThreshold))
        {
            BoxOfPoints kernel = BoxOfPoints.Around(region);
            if (MathF.Min(kernel.Width, kernel.Height) < SmallestKernel)
            {
                continue;
            }

            float score = Mean(map, width, height, kernel.Corners);
            if (score < options.BoxThreshold)
            {
                continue;
            }

            BoxOfPoints box = kernel.Grow(kernel.Width * kernel.Height * options.BoxGrowth / (2 * (kernel.Width + kernel.Height)));
            if (MathF.Min(box.Width, box.Height) < SmallestBox)
            {
                continue;
            }

            PicturePoint[] corners = Order([.. box.Corners.Select(corner => new PicturePoint(
                Math.Clamp(corner.X / width * pictureWidth, 0, pictureWidth - 1), Math.Clamp(corner.Y / height * pictureHeight, 0, pictureHeight - 1)))]);
            if (corners[0].DistanceTo(corners[1]) > SmallestSide && corners[0].DistanceTo(corners[3]) > SmallestSide)
            {
                boxes.Add(new TextBox(corners, score));
            }
        }

        return Sort(boxes);
    }

    // Of each row of a region its ends are enough: the rectangle around them is that around all.
    private static List<List<PicturePoint>> Regions(ReadOnlySpan<float> map, int width, int height, float threshold)
    {
        List<List<PicturePoint>> regions = [];
        bool[] seen = new bool[map.Length];
        Stack<int> open = new();
        Dictionary<int, (int First, int Last)> rows = [];
        for (int start = 0; start < map.Length && regions.Count < MostRegions; start++)
        {
            if (seen[start] || !(map[start] > threshold))
            {
                continue;
            }

            rows.Clear();
            seen[start] = true;
            open.Push(start);
            while (open.TryPop(out int index))
            {
                (int y, int x) = Math.DivRem(index, width);
                ref (int First, int Last) row = ref CollectionsMarshal.GetValueRefOrAddDefault(rows, y, out bool exists);
                row = exists ? (Math.Min(row.First, x), Math.Max(row.Last, x)) : (x, x);
                for (int ny = Math.Max(0, y - 1); ny <= Math.Min(height - 1, y + 1); ny++)
                {
                    for (int nx = Math.Max(0, x - 1); nx <= Math.Min(width - 1, x + 1); nx++)
                    {
                        int next = (ny * width) + nx;
                        if (!seen[next] && map[next] > threshold)
                        {
                            seen[next] = true;
                            open.Push(next);
                        }
                    }
                }
            }

            regions.Add([.. rows.SelectMany(row => (PicturePoint[])[new(row.Value.First, row.Key), new(row.Value.Last, row.Key)])]);
        }

        return regions;
    }

    // The mean inside of a rectangle, its edges included.
    private static float Mean(ReadOnlySpan<float> map, int width, int height, PicturePoint[] corners)
    {
        Dictionary<int, (int First, int Last)> rows = [];
        for (int i = 0; i < corners.Length; i++)
        {
            (int x0, int y0) = Floor(corners[i]);
            (int x1, int y1) = Floor(corners[(i + 1) % corners.Length]);
            int steps = Math.Max(1, Math.Max(Math.Abs(x1 - x0), Math.Abs(y1 - y0)));
            for (int step = 0; step <= steps; step++)
            {
                int x = x0 + (int)MathF.Round((x1 - x0) * step / (float)steps), y = y0 + (int)MathF.Round((y1 - y0) * step / (float)steps);
                ref (int First, int Last) row = ref CollectionsMarshal.GetValueRefOrAddDefault(rows, y, out bool exists);
                row = exists ? (Math.Min(row.First, x), Math.Max(row.Last, x)) : (x, x);
            }
        }

        double sum = 0;
        int count = 0;
        foreach ((int y, (int first, int last)) in rows)
        {
            for (int x = Math.Max(0, first); y >= 0 && y < height && x <= Math.Min(width - 1, last); x++)
            {
                sum += map[(y * width) + x];
                count++;
            }
        }

        return count == 0 ? 0 : (float)(sum / count);

        static (int X, int Y) Floor(PicturePoint point) => ((int)MathF.Floor(point.X), (int)MathF.Floor(point.Y));
    }

    // Of the two corners on the left the upper one comes first, then the two on the right.
    private static PicturePoint[] Order(PicturePoint[] corners)
    {
        Array.Sort(corners, (a, b) => a.X.CompareTo(b.X));
        (PicturePoint a, PicturePoint d) = corners[0].Y <= corners[1].Y ? (corners[0], corners[1]) : (corners[1], corners[0]);
        (PicturePoint b, PicturePoint c) = corners[2].Y <= corners[3].Y ? (corners[2], corners[3]) : (corners[3], corners[2]);
        return [a, b, c, d];
    }

    private static List<TextBox> Sort(List<TextBox> boxes)
    {
        List<TextBox> sorted = [.. boxes.OrderBy(box => box.Corners[0].Y).ThenBy(box => box.Corners[0].X)];
        for (int i = 1; i < sorted.Count; i++)
        {
            for (int j = i; j > 0 && MathF.Abs(sorted[j].Corners[0].Y - sorted[j - 1].Corners[0].Y) < SameLine && sorted[j].Corners[0].X < sorted[j - 1].Corners[0].X; j--)
            {
                (sorted[j], sorted[j - 1]) = (sorted[j - 1], sorted[j]);
            }
        }

        return sorted;
    }
}
