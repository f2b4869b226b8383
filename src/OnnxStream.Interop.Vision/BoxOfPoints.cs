namespace OnnxStream.Interop.Vision;

/// <summary>A rectangle that may be turned.</summary>
/// <param name="Corners">Its corners, around it.</param>
/// <param name="Width">The length of the sides from the first to the second corner.</param>
/// <param name="Height">The length of the others.</param>
internal readonly record struct BoxOfPoints(PicturePoint[] Corners, float Width, float Height)
{
    /// <summary>The smallest rectangle around points: one of its sides lies along a side of their convex hull (Freeman and Shapira, 1975).</summary>
    public static BoxOfPoints Around(IReadOnlyList<PicturePoint> points)
    {
        List<PicturePoint> hull = Hull(points);
        BoxOfPoints best = default;
        double smallest = double.PositiveInfinity;
        for (int i = 0; i < hull.Count; i++)
        {
            PicturePoint from = hull[i], to = hull[(i + 1) % hull.Count];
            double length = from.DistanceTo(to);
            (double ux, double uy) = length > 0 ? ((to.X - from.X) / length, (to.Y - from.Y) / length) : (1, 0);
            double least = double.PositiveInfinity, most = double.NegativeInfinity, lowest = double.PositiveInfinity, highest = double.NegativeInfinity;
            foreach (PicturePoint point in hull)
            {
                double along = (ux * point.X) + (uy * point.Y), across = (ux * point.Y) - (uy * point.X);
                (least, most) = (Math.Min(least, along), Math.Max(most, along));
                (lowest, highest) = (Math.Min(lowest, across), Math.Max(highest, across));
            }

            double area = (most - least) * (highest - lowest);
            if (area < smallest)
            {
                smallest = area;
                best = new BoxOfPoints([At(least, lowest), At(most, lowest), At(most, highest), At(least, highest)], (float)(most - least), (float)(highest - lowest));
            }

            PicturePoint At(double along, double across) => new((float)((ux * along) - (uy * across)), (float)((uy * along) + (ux * across)));
        }

        return best;
    }

    /// <summary>The rectangle with each side moved outward.</summary>
    /// <param name="distance">How far, in pixels.</param>
    public BoxOfPoints Grow(float distance)
    {
        PicturePoint[] corners = Corners;
        (float ax, float ay) = Unit(corners[0], corners[1]);
        (float bx, float by) = Unit(corners[0], corners[3]);
        PicturePoint[] grown =
        [
            Move(corners[0], -1, -1), Move(corners[1], 1, -1), Move(corners[2], 1, 1), Move(corners[3], -1, 1),
        ];
        return new BoxOfPoints(grown, Width + (2 * distance), Height + (2 * distance));

        PicturePoint Move(PicturePoint point, float along, float across) =>
            new(point.X + (distance * ((along * ax) + (across * bx))), point.Y + (distance * ((along * ay) + (across * by))));
    }

    private static (float X, float Y) Unit(PicturePoint from, PicturePoint to)
    {
        float length = MathF.Max(from.DistanceTo(to), float.Epsilon);
        return ((to.X - from.X) / length, (to.Y - from.Y) / length);
    }

    // Andrew's monotone chain.
    private static List<PicturePoint> Hull(IReadOnlyList<PicturePoint> points)
    {
        PicturePoint[] sorted = [.. points.Distinct().OrderBy(point => point.X).ThenBy(point => point.Y)];
        if (sorted.Length < 3)
        {
            return [.. sorted];
        }

        List<PicturePoint> hull = [];
        foreach (IEnumerable<PicturePoint> half in (IEnumerable<PicturePoint>[])[sorted, sorted.Reverse()])
        {
            int start = hull.Count;
            foreach (PicturePoint point in half)
            {
                while (hull.Count >= start + 2 && Turn(hull[^2], hull[^1], point) <= 0)
                {
                    hull.RemoveAt(hull.Count - 1);
                }

                hull.Add(point);
            }

            hull.RemoveAt(hull.Count - 1);
        }

        return hull;
    }

    private static double Turn(PicturePoint a, PicturePoint b, PicturePoint c) => ((double)(b.X - a.X) * (c.Y - a.Y)) - ((double)(b.Y - a.Y) * (c.X - a.X));
}
